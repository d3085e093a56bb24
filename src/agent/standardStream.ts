import * as fs from 'node:fs';
import { type ConnectOpts, Socket, type SocketConstructorOpts } from 'node:net';
import type { Readable, Writable } from 'node:stream';

/** libuv polls pipes and sockets; files and devices are read on its threads. */
function isPolled(fd: number): boolean {
  const stat = fs.fstatSync(fd);
  return stat.isFIFO() || stat.isSocket();
}

/** The descriptor stays open when the stream is destroyed, as libuv does it for pipes: others in the process flush it at exit. */
const keepOpen = { ...fs, close: (_fd: number, done: (error: null) => void) => done(null) };

/** What is read of standard input at once: a quarter of a large WRITE. */
const INPUT_BYTES = 256 << 10;

/**
 * Standard input as a stream that never blocks the process; process.stdin would, on a file. Raw bytes, no encoding. Its
 * chunks are lent: each is overwritten by the next, as 64 KiB of new memory a read keep the garbage collector busy.
 */
export function standardInput(): Readable {
  if (!isPolled(0)) return fs.createReadStream('', { fd: 0, fs: keepOpen });
  // The constructor takes what connect() takes, too (net.Socket); its type does not say so.
  const options: SocketConstructorOpts & ConnectOpts = {
    fd: 0,
    readable: true,
    writable: false,
    onread: {
      buffer: Buffer.allocUnsafeSlow(INPUT_BYTES),
      callback: (length, buffer) => input.emit('data', Buffer.from(buffer.buffer, buffer.byteOffset, length)),
    },
  };
  const input = new Socket(options);
  return input;
}

/** Standard output likewise; process.stdout would block on a pipe that nobody reads. */
export function standardOutput(): Writable {
  return isPolled(1)
    ? new Socket({ fd: 1, readable: false, writable: true })
    : fs.createWriteStream('', { fd: 1, fs: keepOpen });
}
