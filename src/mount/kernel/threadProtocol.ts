/** What passes between a mount's main thread and its two others. */

export const READER_ROLE = 'livemount-mount-reader';
export const ECHO_ROLE = 'livemount-mount-echo';

/** Reads requests; ends when the mount is gone, or when `control` (an eventfd) is signalled. */
export interface ReaderStart {
  readonly role: typeof READER_ROLE;
  readonly device: number;
  readonly control: number;
}

/** Either a request of the kernel's, whole, or why no more will come. */
export type ReaderReport =
  | { readonly frame: Uint8Array }
  | { readonly ended: 'unmounted' | 'stopped' | number };

/** Writes invalidations and makes the system calls that become local events. It answers no request. */
export interface EchoStart {
  readonly role: typeof ECHO_ROLE;
  readonly device: number;
}

/** One system call on the mount; paths are bytes without a NUL. */
export type EchoCall =
  | {
      readonly call: 'mknod' | 'mkdir';
      readonly path: Uint8Array;
      readonly mode: number;
      readonly rdev: number;
    }
  | { readonly call: 'symlink'; readonly path: Uint8Array; readonly target: Uint8Array }
  | { readonly call: 'unlink' | 'rmdir' | 'closeWrite' | 'written' | 'attributes'; readonly path: Uint8Array }
  | { readonly call: 'rename'; readonly path: Uint8Array; readonly to: Uint8Array };

export type EchoCommand =
  | { readonly notify: Uint8Array }
  | { readonly id: number; readonly calls: readonly EchoCall[] }
  /** The inotify and fanotify watches on superblocks with these device numbers. */
  | { readonly id: number; readonly scan: readonly number[] };

/** A watch: the inode and the mask that it has. */
export interface FoundWatch {
  readonly device: number;
  readonly ino: bigint;
  readonly mask: number;
}

export type EchoReport =
  | { readonly tid: number }
  /** Errno of each call, 0 where it was done. */
  | { readonly id: number; readonly results: readonly number[] }
  | { readonly id: number; readonly watches: readonly FoundWatch[] };
