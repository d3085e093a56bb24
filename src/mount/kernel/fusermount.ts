import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { close } from '../../agent/libc/files';
import { Libc } from '../../agent/libc/libc';
import { type Op, quietSyscall, runSync, syscall } from '../../agent/libc/op';
import { ErrnoError } from '../../protocol/errno';
import { MountError } from './mountError';

const socketpairCall = syscall('socketpair', 'int', 'int', 'int', 'void *');
const recvmsgCall = quietSyscall('recvmsg', 'int', 'void *', 'int');

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;
const MSG_CMSG_CLOEXEC = 0x40000000;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;

/** What fusermount3 has to say when it fails is one line. */
const WORDS_MAX = 1024;

function* socketpair(): Op<[number, number]> {
  const pair = Buffer.alloc(8);
  yield* socketpairCall(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);
  return [pair.readInt32LE(0), pair.readInt32LE(4)];
}

/** Receives one descriptor (SCM_RIGHTS); undefined where the other side closed without sending one. */
function* receiveDescriptor(socket: number): Op<number | undefined> {
  const { addressOf } = Libc.shared();
  const address = addressOf.bind(Libc.shared());
  const data = Buffer.alloc(8);
  // struct cmsghdr: length, level, type; then one int, padded.
  const control = Buffer.alloc(24);
  const vector = Buffer.alloc(16);
  vector.writeBigUInt64LE(BigInt(address(data)), 0);
  vector.writeBigUInt64LE(1n, 8);
  // struct msghdr: name, namelen, iov, iovlen, control, controllen, flags.
  const message = Buffer.alloc(56);
  message.writeBigUInt64LE(BigInt(address(vector)), 16);
  message.writeBigUInt64LE(1n, 24);
  message.writeBigUInt64LE(BigInt(address(control)), 32);
  message.writeBigUInt64LE(BigInt(control.length), 40);
  const received = Number(yield* recvmsgCall(socket, message, MSG_CMSG_CLOEXEC));
  if (received <= 0 || message.readBigUInt64LE(40) < 20n) return undefined;
  if (control.readInt32LE(8) !== SOL_SOCKET || control.readInt32LE(12) !== SCM_RIGHTS) return undefined;
  return control.readInt32LE(16);
}

/** Mounts with fusermount3, which may do it for any user, and gives the open device. Throws MountError with what it said. */
export async function fusermount(directory: string, options: readonly string[]): Promise<number> {
  const [ours, theirs] = runSync(socketpair());
  try {
    const child = spawn('fusermount3', ['-o', options.join(','), '--', directory], {
      stdio: ['ignore', 'ignore', 'pipe', theirs],
      env: { ...process.env, _FUSE_COMMFD: '3' },
    });
    const { code, words } = await ended(child);
    if (code !== 0) throw new MountError(`fusermount3 does not mount ${directory}: ${words}`);
    const device = runSync(receiveDescriptor(ours));
    if (device === undefined) throw new MountError(`fusermount3 gave no device for ${directory}`);
    return device;
  } finally {
    runSync(close(ours));
    runSync(close(theirs));
  }
}

/** Ends a user's mount; lazily, it goes from the tree at once and for good when nobody uses it any more. */
export async function fusermountEnd(directory: string, lazy: boolean): Promise<void> {
  const child = spawn('fusermount3', ['-u', ...(lazy ? ['-z'] : []), '--', directory], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const { code, words } = await ended(child);
  if (code === 0) return;
  if (/busy/i.test(words)) throw new ErrnoError('EBUSY', directory);
  throw new MountError(`fusermount3 does not end the mount at ${directory}: ${words}`);
}

async function ended(child: ChildProcess): Promise<{ code: number | null; words: string }> {
  let words = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(0, WORDS_MAX);
  });
  try {
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, words: words.trim() };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new MountError(
      'fusermount3 is missing: install the package fuse3, with which users may mount, or mount as root',
    );
  }
}
