import { type SFTPWrapper, type Stats, utils } from 'ssh2';
import { called, isMissing } from './sftpConnection';
import { Ssh2Peer } from './ssh2Peer';

/** What every SFTP server takes in one READ or WRITE. */
const CHUNK = 32 << 10;
/** Requests under way at once for a large file: 2 MiB, which is ssh2's channel window. */
const PIPELINED = 64;
const S_IFMT = 0o170000;
const S_IFLNK = 0o120000;

/**
 * ssh2's SFTP used as well as the protocol allows: types from the listing, STAT only for links, the first READ sent
 * with the FSTAT, later ones pipelined, CLOSE not waited for, and a save as write + close + rename in one go.
 */
export class SftpPeer extends Ssh2Peer {
  private staged = 0;

  async list(path: string): Promise<number> {
    const entries = await this.entries(path);
    const links = entries.filter(({ attrs }) => (attrs.mode & S_IFMT) === S_IFLNK);
    await Promise.all(links.map(({ filename }) => this.stat(`${path}/${filename}`)));
    return entries.length;
  }

  async read(path: string): Promise<Uint8Array | undefined> {
    const { sftp } = this;
    let handle: Buffer;
    try {
      handle = await called<Buffer>((done) => sftp.open(path, utils.sftp.OPEN_MODE.READ, done));
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
    const first = Buffer.alloc(CHUNK);
    const [{ size }, got] = await Promise.all([
      called<Stats>((done) => sftp.fstat(handle, done)),
      readAt(sftp, handle, first, 0, CHUNK, 0),
    ]);
    const content = Buffer.alloc(size);
    first.copy(content, 0, 0, Math.min(got, size));
    await pipelined(size - got, (at, length) => readFully(sftp, handle, content, got + at, length));
    sftp.close(handle, () => {});
    return content;
  }

  async write(path: string, content: Uint8Array): Promise<void> {
    const { sftp } = this;
    const staged = `${path}.${process.pid}.${this.staged++}`;
    const handle = await called<Buffer>((done) =>
      sftp.open(staged, utils.sftp.OPEN_MODE.WRITE | utils.sftp.OPEN_MODE.CREAT, done),
    );
    const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
    const written = pipelined(bytes.length, (at, length) =>
      called<void>((done) => sftp.write(handle, bytes, at, length, at, done)),
    );
    // The server does requests in order, so what fits into the pipeline need not be waited for.
    if (bytes.length > CHUNK * PIPELINED) await written;
    const closed = called<void>((done) => sftp.close(handle, done));
    const renamed = called<void>((done) => sftp.ext_openssh_rename(staged, path, done));
    await Promise.all([written, closed, renamed]);
  }
}

/** Does `length` bytes in chunks, with a fixed number under way. */
async function pipelined(
  length: number,
  transfer: (at: number, length: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < length) {
      const at = next;
      next += CHUNK;
      await transfer(at, Math.min(CHUNK, length - at));
    }
  };
  await Promise.all(Array.from({ length: PIPELINED }, lane));
}

/** Bytes read, 0 at the end of the file. */
function readAt(
  sftp: SFTPWrapper,
  handle: Buffer,
  to: Buffer,
  at: number,
  length: number,
  position: number,
): Promise<number> {
  return new Promise((resolve, reject) => {
    sftp.read(handle, to, at, length, position, (error, count) => {
      // ssh2 tells the end of the file as an error with code 1.
      if (error && 'code' in error && error.code === 1) resolve(0);
      else if (error) reject(error);
      else resolve(count);
    });
  });
}

async function readFully(
  sftp: SFTPWrapper,
  handle: Buffer,
  to: Buffer,
  position: number,
  length: number,
): Promise<void> {
  for (let done = 0; done < length; ) {
    const count = await readAt(sftp, handle, to, position + done, length - done, position + done);
    if (count === 0) throw new Error('the file shrank while it was read');
    done += count;
  }
}
