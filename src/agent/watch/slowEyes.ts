import { lstat, readdir } from 'node:fs/promises';
import { type ErrnoName, Errno, ErrnoError } from '../../protocol/errno';
import type { Seen, WatchFs } from '../../server/watch/backend';
import { type BytePath, fromBytes } from '../../server/watch/bytePath';
import { foldIno, typeOfMode } from '../../server/watch/entries';
import { stampOf } from '../../server/watch/stamps';

const ABSENT = new Set(['ENOENT', 'ENOTDIR', 'ESTALE', 'ELOOP']);

/** Looks at filesystems that may take their time (network, FUSE): from libuv's threads, so that nothing waits for them. */
export class SlowEyes implements WatchFs {
  async stat(path: BytePath): Promise<Seen | undefined> {
    try {
      const found = await lstat(Buffer.from(path, 'latin1'), { bigint: true });
      const { ino, size, mtimeNs, ctimeNs } = found;
      const version = { ino, size, mtime_ns: mtimeNs, ctime_ns: ctimeNs };
      return {
        ino: fold(ino),
        mode: Number(found.mode),
        version,
        stamp: stampOf(version),
        isShared: found.nlink > 1n && !found.isDirectory(),
      };
    } catch (error) {
      return absent(error, path);
    }
  }

  /** Node's readdir gives no inode numbers, so every entry is looked at; polling needs that anyway. */
  async list(path: BytePath, each: (name: BytePath, ino: number, type: number) => void): Promise<boolean> {
    const directory = await this.stat(path);
    if (directory === undefined || typeOfMode(directory.mode) !== 4) return false;
    let names: Buffer[];
    try {
      names = await readdir(Buffer.from(path, 'latin1'), { encoding: 'buffer' });
    } catch (error) {
      return absent(error, path) !== undefined;
    }
    for (const bytes of names) {
      const name = fromBytes(bytes);
      const seen = await this.stat(`${path === '/' ? '' : path}/${name}` as BytePath);
      if (seen !== undefined) each(name, seen.ino, typeOfMode(seen.mode));
    }
    return true;
  }
}

function fold(ino: bigint): number {
  return foldIno(Number(ino & 0xffff_ffffn), Number((ino >> 32n) & 0xffff_ffffn));
}

function absent(error: unknown, path: BytePath): undefined {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (ABSENT.has(code)) return undefined;
  throw new ErrnoError(Errno[code as ErrnoName] ?? 'EIO', `stat ${path}`);
}
