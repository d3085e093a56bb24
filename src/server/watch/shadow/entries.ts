import type { BytePath } from '../bytePath';

/**
 * What is kept of one directory entry: the inode number, folded to 48 bits, and the d_type in one exact number.
 * Two inodes of one directory that fold to the same number are distinguished by their times only.
 */
export type EntryCode = number;

/** An inode number that isn't known. */
export const NO_INO = 0;

const TYPES = 16;

export function entryCode(ino: number, type: number): EntryCode {
  return ino * TYPES + type;
}

export function inoOf(code: EntryCode): number {
  return Math.floor(code / TYPES);
}

export function typeOf(code: EntryCode): number {
  return code % TYPES;
}

/** Folds an inode number, given as its two halves, to 48 bits. */
export function foldIno(low: number, high: number): number {
  return ((high & 0xffff) ^ (high >>> 16)) * 2 ** 32 + low;
}

/** d_type of getdents64(2). */
export const DT = { UNKNOWN: 0, FIFO: 1, CHR: 2, DIR: 4, BLK: 6, REG: 8, LNK: 10, SOCK: 12 } as const;

/** The d_type that S_IFMT of a mode stands for. (IFTODT of dirent.h) */
export function typeOfMode(mode: number): number {
  return (mode >> 12) & 15;
}

/** Seven characters of eight bits hold an EntryCode (52 bits). */
const CODE_CHARS = 7;
const NUL = '\0';

/**
 * The entries of one directory. Most directories never change while they are watched, so they are kept packed in one
 * string of a byte per character ("code name NUL ..."); one that changes is unpacked to a map until `pack`.
 */
export class Entries {
  private packed = '';
  private unpacked: Map<BytePath, EntryCode> | undefined;

  get(name: BytePath): EntryCode | undefined {
    return this.map().get(name);
  }

  set(name: BytePath, code: EntryCode): void {
    this.map().set(name, code);
  }

  delete(name: BytePath): void {
    this.map().delete(name);
  }

  get isUnpacked(): boolean {
    return this.unpacked !== undefined;
  }

  [Symbol.iterator](): IterableIterator<[BytePath, EntryCode]> {
    return this.map().entries();
  }

  get size(): number {
    return this.map().size;
  }

  /** Gives the map back until the directory changes again. */
  pack(): void {
    if (this.unpacked === undefined) return;
    const packer = new Packer();
    for (const [name, code] of this.unpacked) packer.add(name, code);
    this.packed = packer.finish();
    this.unpacked = undefined;
  }

  /** Takes the place of everything there was. */
  replace(packed: string): void {
    this.packed = packed;
    this.unpacked = undefined;
  }

  private map(): Map<BytePath, EntryCode> {
    if (this.unpacked !== undefined) return this.unpacked;
    const map = new Map<BytePath, EntryCode>();
    for (let at = 0; at < this.packed.length; ) {
      let code = 0;
      for (let i = CODE_CHARS - 1; i >= 0; i--) code = code * 256 + this.packed.charCodeAt(at + i);
      const end = this.packed.indexOf(NUL, at + CODE_CHARS);
      map.set(this.packed.slice(at + CODE_CHARS, end) as BytePath, code);
      at = end + 1;
    }
    this.unpacked = map;
    this.packed = '';
    return map;
  }
}

/** Builds the packed form in memory that is used again for the next directory. */
export class Packer {
  private static scratch = Buffer.alloc(64 << 10);
  private length = 0;

  add(name: BytePath, code: EntryCode): void {
    const needed = this.length + CODE_CHARS + name.length + 1;
    if (needed > Packer.scratch.length) {
      const larger = Buffer.alloc(needed * 2);
      Packer.scratch.copy(larger, 0, 0, this.length);
      Packer.scratch = larger;
    }
    const scratch = Packer.scratch;
    let rest = code;
    for (let i = 0; i < CODE_CHARS; i++) {
      scratch[this.length++] = rest % 256;
      rest = Math.floor(rest / 256);
    }
    this.length += scratch.write(name, this.length, 'latin1');
    scratch[this.length++] = 0;
  }

  finish(): string {
    const packed = Packer.scratch.toString('latin1', 0, this.length);
    this.length = 0;
    return packed;
  }
}
