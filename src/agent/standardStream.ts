import { createReadStream, createWriteStream, fstatSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';

/** libuv polls pipes and sockets; files and devices are read on its threads. */
function isPolled(fd: number): boolean {
  const stat = fstatSync(fd);
  return stat.isFIFO() || stat.isSocket();
}

/**
 * Standard input or output as a stream that never blocks the process; process.stdout would, on a pipe.
 * Raw bytes, no encoding.
 */
export function standardInput(): Readable {
  return isPolled(0)
    ? new Socket({ fd: 0, readable: true, writable: false })
    : createReadStream('', { fd: 0, autoClose: false });
}

export function standardOutput(): Writable {
  return isPolled(1)
    ? new Socket({ fd: 1, readable: false, writable: true })
    : createWriteStream('', { fd: 1, autoClose: false });
}
