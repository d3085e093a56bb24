import * as fs from 'node:fs';
import { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';

/** libuv polls pipes and sockets; files and devices are read on its threads. */
function isPolled(fd: number): boolean {
  const stat = fs.fstatSync(fd);
  return stat.isFIFO() || stat.isSocket();
}

/** The descriptor stays open when the stream is destroyed, as libuv does it for pipes: others in the process flush it at exit. */
const keepOpen = { ...fs, close: (_fd: number, done: (error: null) => void) => done(null) };

/**
 * Standard input as a stream that never blocks the process; process.stdin would, on a file. Raw bytes, no encoding.
 */
export function standardInput(): Readable {
  return isPolled(0)
    ? new Socket({ fd: 0, readable: true, writable: false })
    : fs.createReadStream('', { fd: 0, fs: keepOpen });
}

/** Standard output likewise; process.stdout would block on a pipe that nobody reads. */
export function standardOutput(): Writable {
  return isPolled(1)
    ? new Socket({ fd: 1, readable: false, writable: true })
    : fs.createWriteStream('', { fd: 1, fs: keepOpen });
}
