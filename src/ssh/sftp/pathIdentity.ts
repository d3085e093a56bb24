import { createHash } from 'node:crypto';

/** Names given by us that are remembered; an older one gets the number of its path again, and a handle on it becomes ESTALE. */
const REMEMBERED = 100_000;

/** Above all numbers made from paths. */
const FIRST_GIVEN = 1n << 62n;

/**
 * Inode numbers for a host that has none to offer (SFTP 3). A number is made of the directory's number and the name, so it
 * needs no memory; what is created or renamed through us gets, or keeps, a number that is remembered, and everything
 * below a renamed directory follows. A file replaced behind our back can't be told from the old one.
 */
export class PathIdentity {
  private readonly given = new Map<string, bigint>();
  private next = FIRST_GIVEN;

  /** The number of an absolute path. */
  ino(path: string): bigint {
    let ino = 1n;
    for (const name of path.split('/')) if (name !== '') ino = this.entry(ino, name);
    return ino;
  }

  /** The number of an entry of the directory with this number. */
  entry(directory: bigint, name: string): bigint {
    const key = `${directory}/${name}`;
    return this.given.get(key) ?? hashed(key);
  }

  /** Something new has this path. */
  created(path: string): void {
    this.give(path, this.next++);
  }

  renamed(from: string, to: string): void {
    const ino = this.ino(from);
    this.removed(from);
    this.give(to, ino);
  }

  /** The next one of this path, whoever makes it, is somebody else. */
  removed(path: string): void {
    this.give(path, this.next++);
  }

  private give(path: string, ino: bigint): void {
    const slash = path.lastIndexOf('/');
    const key = `${this.ino(path.slice(0, slash))}/${path.slice(slash + 1)}`;
    this.given.delete(key);
    this.given.set(key, ino);
    if (this.given.size <= REMEMBERED) return;
    for (const oldest of this.given.keys()) {
      this.given.delete(oldest);
      break;
    }
  }
}

/** 61 bits, never 0 or 1. */
function hashed(key: string): bigint {
  return (createHash('sha1').update(key).digest().readBigUInt64LE() >> 3n) | 2n;
}
