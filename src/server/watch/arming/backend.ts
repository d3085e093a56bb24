import type { Disposable } from '../../../base/dispose';
import type { Backend as BackendName, Version } from '../../../protocol/livemount';
import type { Awaitable, HostMount } from '../../host/hostFs';
import type { BytePath, AbsolutePath } from '../bytePath';
import type { Late } from '../shadow/pendingEvents';
import type { Stamp } from '../shadow/stamps';
import type { DirNode } from '../shadow/tree';

/** What an event says of an object. */
export interface Shown {
  readonly mode: number;
  readonly version: Version;
}

/** An object as a look shows it. */
export interface Seen extends Shown {
  /** Folded (entries.ts). */
  readonly ino: number;
  /** The version in one number (stamps.ts). */
  readonly stamp: Stamp;
  /** A file with several names. */
  readonly isShared?: boolean;
  /** It is on another mount, which came to stand there and may not have been reported yet. */
  readonly isElsewhere?: boolean;
}

/** What the shadow looks at the host with. Paths are absolute; no symbolic link is followed, no automount triggered. */
export interface Lister {
  /** Undefined: nobody is there. Other failures are ErrnoErrors. (statx(2)) */
  stat(path: AbsolutePath): Awaitable<Seen | undefined>;
  /** Calls `each` for every entry but "." and ".."; false: no directory is there. (getdents64(2)) */
  list(path: AbsolutePath, each: (name: BytePath, ino: number, type: number) => void): Awaitable<boolean>;
}

/**
 * armed: events of its entries will be reported; gone: no directory is there; full: the host has no watch left
 * (ENOSPC); refused: this one can't be watched, for example for want of permission.
 */
export type Armed = 'armed' | 'gone' | 'full' | 'refused';

/** An error that the host's kernel found in a filesystem (FAN_FS_ERROR), `count` of them merged. */
export interface FsFault {
  readonly errno: number;
  readonly count: number;
  /** 0: not known. */
  readonly ino: bigint;
  readonly path: BytePath | undefined;
  /** The filesystem was shut down, or lets nobody write any more. */
  readonly died: boolean;
}

/** Takes what a backend reports. All of it is a hint: the shadow looks before it believes. */
export interface EventSink {
  /** Something happened to a name in a directory. `bits` as inotify has them. */
  touch(node: DirNode, name: BytePath, bits: number): void;
  renamed(from: DirNode, fromName: BytePath, to: DirNode, toName: BytePath, isDir: boolean): void;
  /** A directory is no longer what was armed: its parent has to be looked at. */
  lost(node: DirNode): void;
  /**
   * The node of a directory by its path below the superblock's root and its inode (folded; undefined: any). null: it
   * is of no interest; undefined: the shadow has something else there, which it will look at.
   */
  nodeAt(path: BytePath, ino?: number): DirNode | null | undefined;
  /** A touch in a directory that `nodeAt` could not name: it is asked again when the shadow has looked. */
  touchLater(late: Late): void;
  /** Something happened below a directory, deeper than a path reaches: nothing is seen there. */
  unseen(path: BytePath): void;
  /** Events were dropped: nothing is known any more. */
  overflow(): void;
  /** The backend reports nothing any more, for good: another one has to be opened. */
  deaf(): void;
  /** The filesystem reports errors. */
  fsError(fault: FsFault): void;
}

/** One superblock's ear on the host. Disposing it takes all its watches away. */
export interface BackendSession extends Disposable {
  readonly name: BackendName;
  /** The backend reports on every directory of the superblock: none has to be armed or listed. */
  readonly watchesAll: boolean;
  arm(node: DirNode, path: AbsolutePath, mask: number): Awaitable<Armed>;
  disarm(node: DirNode): void;
  /** What is of interest, or where mounts stand, changed. */
  retargeted(): void;
  /** Resolves when everything that happened before the call has been reported. */
  sync(): Promise<void>;
  /** Watches in force on the host. */
  readonly watches: number;
  /** Watches that may still be used; Infinity where none are needed. */
  readonly room: number;
  /** The part of all that may be used which stays for what somebody looks at. */
  readonly reserve: number;
}

/** How a superblock is, or would be, watched. */
export interface Choice {
  readonly backend: BackendName;
  /** One sentence for people. */
  readonly reason: string;
  /** Writes that this can't show (MOUNT_FOREIGN_WRITES). */
  readonly foreignWrites: boolean;
}

/** The backends of a host. */
export interface Backends extends Disposable {
  /** What would be chosen, without trying. */
  prospect(mount: HostMount): Choice;
  /** Tries the backends in turn; none of the live ones: `session` is undefined and the choice is poll or none. */
  open(mount: HostMount, sink: EventSink): { choice: Choice; session: BackendSession | undefined };
  /** How to look at a mount: synchronously where it is local, from threads where it may hang. */
  lister(mount: HostMount): Lister;
  /** What a message about exhausted watches says, with the way to raise the limit. */
  readonly limitAdvice: string;
}
