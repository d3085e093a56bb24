import { parentPort } from 'node:worker_threads';
import { AT_FDCWD, AT_REMOVEDIR, AT_SYMLINK_NOFOLLOW, O } from '../../agent/libc/flags';
import { cString } from '../../agent/libc/libc';
import { type Op, quietSyscall, runSync } from '../../agent/libc/op';
import { findWatches } from '../echo/findWatches';
import type { EchoCall, EchoCommand, EchoReport, EchoStart } from './threadProtocol';

const gettid = quietSyscall('gettid');
const writeCall = quietSyscall('write', 'int', 'void *', 'size_t');
const mknodat = quietSyscall('mknodat', 'int', 'void *', 'uint', 'uint');
const mkdirat = quietSyscall('mkdirat', 'int', 'void *', 'uint');
const symlinkat = quietSyscall('symlinkat', 'void *', 'int', 'void *');
const unlinkat = quietSyscall('unlinkat', 'int', 'void *', 'int');
const renameat2 = quietSyscall('renameat2', 'int', 'void *', 'int', 'void *', 'uint');
const utimensat = quietSyscall('utimensat', 'int', 'void *', 'void *', 'int');
const openat = quietSyscall('openat', 'int', 'void *', 'int', 'uint');
const closeCall = quietSyscall('close', 'int');

const UTIME_NOW = 0x3fffffff;
const UTIME_OMIT = 0x3ffffffe;

/** Two struct timespec: the kernel takes a new modification time alone for a write, both for a change of attributes. */
function times(atime: number, mtime: number): Buffer {
  const buffer = Buffer.alloc(32);
  buffer.writeBigInt64LE(BigInt(atime), 8);
  buffer.writeBigInt64LE(BigInt(mtime), 24);
  return buffer;
}
const WRITTEN = times(UTIME_OMIT, UTIME_NOW);
const TOUCHED = times(UTIME_NOW, UTIME_NOW);

function path(bytes: Uint8Array): Buffer {
  return cString(Buffer.from(bytes));
}

function* perform(call: EchoCall): Op<number> {
  const at = path(call.path);
  switch (call.call) {
    case 'mknod':
      return Number(yield* mknodat(AT_FDCWD, at, call.mode, call.rdev));
    case 'mkdir':
      return Number(yield* mkdirat(AT_FDCWD, at, call.mode));
    case 'symlink':
      return Number(yield* symlinkat(path(call.target), AT_FDCWD, at));
    case 'unlink':
      return Number(yield* unlinkat(AT_FDCWD, at, 0));
    case 'rmdir':
      return Number(yield* unlinkat(AT_FDCWD, at, AT_REMOVEDIR));
    case 'rename':
      return Number(yield* renameat2(AT_FDCWD, at, AT_FDCWD, path(call.to), 0));
    case 'written':
      return Number(yield* utimensat(AT_FDCWD, at, WRITTEN, AT_SYMLINK_NOFOLLOW));
    case 'attributes':
      return Number(yield* utimensat(AT_FDCWD, at, TOUCHED, AT_SYMLINK_NOFOLLOW));
    case 'closeWrite': {
      const fd = Number(yield* openat(AT_FDCWD, at, O.WRONLY | O.NOFOLLOW | O.NONBLOCK | O.CLOEXEC, 0));
      if (fd < 0) return fd;
      return Number(yield* closeCall(fd));
    }
  }
}

/** The thread's whole life: commands in their order, on one thread whose number the mount knows. */
export function runEchoThread({ device }: EchoStart): void {
  const report = (message: EchoReport) => parentPort?.postMessage(message);
  report({ tid: Number(runSync(gettid())) });
  parentPort?.on('message', (command: EchoCommand) => {
    if ('notify' in command) {
      const frame = Buffer.from(command.notify);
      // ENOENT: the kernel does not have it (any more), so there is nothing to take away.
      runSync(writeCall(device, frame, frame.length));
    } else if ('scan' in command) {
      report({ id: command.id, watches: findWatches(command.scan) });
    } else {
      const results = command.calls.map((call) => Math.min(0, runSync(perform(call))) * -1);
      report({ id: command.id, results });
    }
  });
}
