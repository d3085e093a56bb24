import type { Attributes } from 'ssh2';
import type { SuperblockId } from '../../protocol/brand';
import { ErrnoError } from '../../protocol/errno';
import { S_IFREG } from '../../protocol/fuse';
import type { HostStat } from '../../server/host/hostFs';

/** The one superblock of an SFTP host: SFTP does not show where mounts are. */
export const SFTP_SUPERBLOCK = 1n as SuperblockId;

/** A regular file that its owner may read and write. */
const UNKNOWN_MODE = S_IFREG | 0o600;

const NS = 1_000_000_000n;
const BLOCK = 512n;

/** The attributes that SFTP 3 has for an object, in the form of statx(2). Times have seconds, and links are not counted. */
export function hostStatOf(attributes: Attributes, ino: bigint): HostStat {
  const size = BigInt(attributes.size ?? 0);
  const mtimeNs = BigInt(attributes.mtime ?? 0) * NS;
  return {
    sb: SFTP_SUPERBLOCK,
    ino,
    generation: 0n,
    // SFTP lets a server leave out what it likes.
    mode: attributes.mode ?? UNKNOWN_MODE,
    nlink: 1,
    uid: attributes.uid ?? 0,
    gid: attributes.gid ?? 0,
    rdevMajor: 0,
    rdevMinor: 0,
    devMajor: 0,
    devMinor: 0,
    size,
    blocks: (size + BLOCK - 1n) / BLOCK,
    blksize: 32 << 10,
    atimeNs: BigInt(attributes.atime ?? 0) * NS,
    mtimeNs,
    ctimeNs: mtimeNs,
    attributes: 0n,
    mountRoot: false,
  };
}

/** A path or name as SFTP 3 implementations take it: text in UTF-8. EILSEQ for other bytes. */
export function sftpText(bytes: Buffer): string {
  const text = bytes.toString('utf8');
  if (Buffer.byteLength(text) === bytes.length && Buffer.from(text).equals(bytes)) return text;
  throw new ErrnoError('EILSEQ', 'over SFTP a name that is not UTF-8 cannot be used');
}
