import { ErrnoError } from './errno';
import { Dirent, EntryOut } from './fuse';
import { align8 } from './pack';

/** A directory entry (struct fuse_dirent). */
export interface DirEntry {
  readonly ino: bigint;
  /** Cookie that continues behind this entry: nonzero, below 2^63, valid while the handle is open. */
  readonly off: bigint;
  /** d_type of readdir(3); 0 where it is not known. */
  readonly type: number;
  readonly name: Buffer;
}

/** An entry with what a lookup of it gave (struct fuse_direntplus); nodeid 0: no lookup was done. */
export interface DirEntryPlus extends DirEntry {
  readonly entry: EntryOut;
}

/** What an entry takes in a READDIR (or READDIRPLUS) reply. */
export function direntSize(name: Buffer, plus: boolean): number {
  return align8((plus ? EntryOut.size : 0) + Dirent.size + name.length);
}

/** Writes one entry and gives the place behind it, or undefined where it does not fit any more. */
export function writeDirent(to: Buffer, at: number, entry: DirEntry, lookup?: EntryOut): number | undefined {
  const end = at + direntSize(entry.name, lookup !== undefined);
  if (end > to.length) return undefined;
  let place = at;
  if (lookup !== undefined) {
    EntryOut.write(to, place, lookup);
    place += EntryOut.size;
  }
  Dirent.write(to, place, { ino: entry.ino, off: entry.off, namelen: entry.name.length, type: entry.type });
  place += Dirent.size;
  place += entry.name.copy(to, place);
  to.fill(0, place, end);
  return end;
}

/** Names longer than this are not sane (NAME_MAX is 255; FUSE allows 1024 and more). */
const NAMELEN_MAX = 4095;

function readDirent(body: Buffer, at: number): DirEntry {
  const head = Dirent.read(body, at);
  const start = at + Dirent.size;
  if (head.namelen === 0 || head.namelen > NAMELEN_MAX || start + head.namelen > body.length) {
    throw new ErrnoError('EIO', `a directory entry with a name of ${head.namelen} bytes`);
  }
  const name = Buffer.from(body.subarray(start, start + head.namelen));
  if (name.includes(SLASH) || name.includes(0))
    throw new ErrnoError('EIO', 'a directory entry with / or NUL in its name');
  return { ino: head.ino, off: head.off, type: head.type, name };
}
const SLASH = '/'.charCodeAt(0);

/** The entries of a READDIR reply; EIO for one that can't be. */
export function readDirents(body: Buffer): DirEntry[] {
  const entries: DirEntry[] = [];
  for (let at = 0; at < body.length; ) {
    const entry = readDirent(body, at);
    entries.push(entry);
    at += direntSize(entry.name, false);
  }
  return entries;
}

/** The entries of a READDIRPLUS reply; each nonzero nodeid counts one lookup. */
export function readDirentsPlus(body: Buffer): DirEntryPlus[] {
  const entries: DirEntryPlus[] = [];
  for (let at = 0; at < body.length; ) {
    const entry = EntryOut.read(body, at);
    const dirent = readDirent(body, at + EntryOut.size);
    entries.push({ ...dirent, entry });
    at += direntSize(dirent.name, true);
  }
  return entries;
}
