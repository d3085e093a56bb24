import { accessSync, constants, existsSync } from 'node:fs';
import { close, openat } from '../../agent/libc/files';
import { AT_FDCWD, O } from '../../agent/libc/flags';
import { cString } from '../../agent/libc/libc';
import { quietSyscall, runSync } from '../../agent/libc/op';
import { Errno, ErrnoError, errnoName } from '../../protocol/errno';
import { fusermount, fusermountEnd } from './fusermount';
import { SUBTYPE } from './liveMounts';
import { MountError } from './mountError';

const mountCall = quietSyscall('mount', 'void *', 'void *', 'void *', 'uint64', 'void *');
const umountCall = quietSyscall('umount2', 'void *', 'int');
const fcntlCall = quietSyscall('fcntl', 'int', 'int', 'long');

const MS_NOSUID = 2;
const MS_NODEV = 4;
const MNT_DETACH = 2;
const UMOUNT_NOFOLLOW = 8;
const F_SETFL = 4;

const DEVICE = '/dev/fuse';
/** READ requests of at most so much: what the kernel asks for at once anyway. */
const MAX_READ = 1 << 20;

export interface AttachOptions {
  /** What the mount table names as its source: HOST:/path. */
  readonly source: string;
}

/** Mounts at a directory and gives the open device, not blocking. Throws MountError where the machine does not let us. */
export async function attach(directory: string, { source }: AttachOptions): Promise<number> {
  if (!existsSync(DEVICE)) {
    throw new MountError(
      `${DEVICE} is missing: this kernel, or this container, has no FUSE (load the module fuse, or pass the device into the container)`,
    );
  }
  const device = isRoot() ? mountAsRoot(directory, source) : undefined;
  return device ?? unprivileged(directory, source);
}

function isRoot(): boolean {
  return process.geteuid?.() === 0;
}

/** Undefined: root without the right to mount, as in a container; fusermount3 may have it. */
function mountAsRoot(directory: string, source: string): number | undefined {
  const device = runSync(openat(AT_FDCWD, cString(Buffer.from(DEVICE)), O.RDWR | O.NONBLOCK));
  const options = `fd=${device},rootmode=40000,user_id=${process.getuid?.()},group_id=${process.getgid?.()},max_read=${MAX_READ}`;
  const flags = MS_NOSUID | MS_NODEV;
  const text = (words: string) => cString(Buffer.from(words));
  const result = Number(
    runSync(mountCall(text(source), text(directory), text(`fuse.${SUBTYPE}`), flags, text(options))),
  );
  if (result === 0) return device;
  runSync(close(device));
  if (result === -Errno.EPERM) return undefined;
  throw new MountError(`the kernel does not mount at ${directory}: ${errnoName(-result)}`);
}

async function unprivileged(directory: string, source: string): Promise<number> {
  try {
    accessSync(DEVICE, constants.R_OK | constants.W_OK);
  } catch {
    throw new MountError(
      `${DEVICE} may not be opened by this user: it has to be readable and writable for all (0666)`,
    );
  }
  // A comma or a backslash in the name of the source would end the option.
  const name = source.replace(/[\\,]/g, '\\$&');
  const options = [`fsname=${name}`, `subtype=${SUBTYPE}`, 'nosuid', 'nodev', `max_read=${MAX_READ}`];
  const device = await fusermount(directory, options);
  runSync(fcntlCall(device, F_SETFL, O.RDWR | O.NONBLOCK));
  return device;
}

/**
 * Ends a mount. EBUSY while somebody uses it, unless `lazy`: then it goes from the tree at once. It asks nobody for
 * anything in the mount, so it works whatever the state of the link.
 */
export async function detach(directory: string, lazy: boolean): Promise<void> {
  if (isRoot()) {
    const flags = UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0);
    const result = Number(runSync(umountCall(cString(Buffer.from(directory)), flags)));
    if (result === 0) return;
    if (result !== -Errno.EPERM) throw new ErrnoError(-result, directory);
  }
  await fusermountEnd(directory, lazy);
}
