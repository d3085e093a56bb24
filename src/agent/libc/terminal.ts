/** Pseudoterminals (pty(7)) and pipes, by system calls alone: what openpty(3) does differs from C library to C library. */
import { ErrnoError } from '../../protocol/errno';
import { close, openat } from './files';
import { AT_FDCWD, O } from './flags';
import { cString } from './libc';
import { type Op, syscall } from './op';

const ioctlCall = syscall('ioctl', 'int', 'uint64', 'void *');
const ioctlFlagsCall = syscall('ioctl', 'int', 'uint64', 'size_t');
const pipeCall = syscall('pipe2', 'void *', 'int');
const fcntlCall = syscall('fcntl', 'int', 'int', 'size_t');

// asm-generic/ioctls.h
const TIOCGPGRP = 0x540f;
const TIOCSWINSZ = 0x5414;
const TIOCSPTLCK = 0x40045431;
const TIOCGPTPEER = 0x5441;
// asm-generic/fcntl.h
const F_DUPFD_CLOEXEC = 1030;
const F_GETFL = 3;
const F_SETFL = 4;
const F_SETPIPE_SZ = 1031;

const PTMX = cString(Buffer.from('/dev/ptmx'));

export interface Pty {
  /** Ours; non-blocking. */
  readonly master: number;
  /** The program's, which is nobody's controlling terminal yet. */
  readonly slave: number;
}

/** Opens a new pseudoterminal of a size. */
export function* openPty(cols: number, rows: number): Op<Pty> {
  const master = yield* openat(AT_FDCWD, PTMX, O.RDWR | O.NOCTTY | O.NONBLOCK);
  try {
    yield* ioctlCall(master, TIOCSPTLCK, Buffer.alloc(4));
    yield* resizePty(master, cols, rows);
    // Linux 4.13; unlike a path it also reaches the slave where /dev/pts is another mount's.
    const slave = Number(yield* ioctlFlagsCall(master, TIOCGPTPEER, O.RDWR | O.NOCTTY | O.CLOEXEC));
    return { master, slave };
  } catch (error) {
    yield* close(master);
    throw error;
  }
}

/** The terminal has this size now; its foreground group gets SIGWINCH if it had another one. */
export function* resizePty(master: number, cols: number, rows: number): Op<void> {
  const size = Buffer.alloc(8);
  size.writeUInt16LE(rows, 0);
  size.writeUInt16LE(cols, 2);
  yield* ioctlCall(master, TIOCSWINSZ, size);
}

/** The process group in the terminal's foreground; 0 if there is none. */
export function* foregroundGroup(master: number): Op<number> {
  const group = Buffer.alloc(4);
  yield* ioctlCall(master, TIOCGPGRP, group);
  return group.readInt32LE(0);
}

/** Another descriptor for the same. */
export function* duplicate(fd: number): Op<number> {
  return Number(yield* fcntlCall(fd, F_DUPFD_CLOEXEC, 0));
}

export interface Pipe {
  readonly reader: number;
  readonly writer: number;
}

/** A pipe; the end that `ours` names does not block. */
export function* makePipe(ours: keyof Pipe): Op<Pipe> {
  const ends = Buffer.alloc(8);
  yield* pipeCall(ends, O.CLOEXEC);
  const pipe = { reader: ends.readInt32LE(0), writer: ends.readInt32LE(4) };
  const flags = Number(yield* fcntlCall(pipe[ours], F_GETFL, 0));
  yield* fcntlCall(pipe[ours], F_SETFL, flags | O.NONBLOCK);
  return pipe;
}

/** So many bytes fit into a pipe; as before where the user has no more to spend on pipes (pipe(7)). */
export function* widenPipe(fd: number, bytes: number): Op<void> {
  try {
    yield* fcntlCall(fd, F_SETPIPE_SZ, bytes);
  } catch (error) {
    if (!(error instanceof ErrnoError)) throw error;
  }
}
