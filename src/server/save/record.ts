import type { Identity } from '../host/hostFs';
import { splitPath } from '../host/hostPath';
import { isTemporaryName } from '../host/temporaryName';
import type { Content } from './version';

/**
 * What is noted before a step that a crash could leave half done, so that the next agent knows what it finds.
 * Paths are absolute; names are entries of `directory`.
 */
export type SaveRecord =
  /** A file with nothing in it that anybody waits for: staged content, a backup that is being made. */
  | { readonly kind: 'temporary'; readonly directory: Buffer; readonly temporary: Buffer }
  /**
   * A copy that did not come to its end, or what one replaced. Whoever may write in the directory may give the name to
   * another folder, so it is known by its inode; undefined while it is being made: it is empty then.
   */
  | {
      readonly kind: 'tree';
      readonly directory: Buffer;
      readonly temporary: Buffer;
      readonly top: TreeTop | undefined;
    }
  /** Staged content (inode `staged`) under a temporary name, to be exchanged with `name`. */
  | {
      readonly kind: 'exchange';
      readonly directory: Buffer;
      readonly name: Buffer;
      readonly temporary: Buffer;
      readonly staged: bigint;
      /** The file that is to be replaced. */
      readonly before: Content;
    }
  /** A file that is written in place; `backup` (a path) holds what it was before. */
  | {
      readonly kind: 'backup';
      readonly directory: Buffer;
      readonly name: Buffer;
      readonly backup: Buffer;
      readonly before: Content;
      readonly timeNs: bigint;
    };

/** Who is at the top of a tree, also after the agent, which numbers superblocks, was started anew. */
export type TreeTop = Pick<Identity, 'ino' | 'generation'>;

/** A line of a journal: a record that began, or the end of one. */
export type JournalLine =
  | { readonly id: number; readonly record: SaveRecord }
  | { readonly id: number; readonly record: undefined };

/** One line of text, LF at its end. Names may be any bytes: they are written as latin1. */
export function formatLine(line: JournalLine): Buffer {
  return Buffer.from(
    `${JSON.stringify({ id: line.id, ...line.record }, (_key, value: unknown) => plain(value))}\n`,
  );
}

function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  // JSON asks a Buffer for its toJSON before it asks us.
  if (isBufferJson(value)) return Buffer.from(value.data).toString('latin1');
  return value;
}

function isBufferJson(value: unknown): value is { data: number[] } {
  return typeof value === 'object' && value !== null && 'type' in value && value.type === 'Buffer';
}

/**
 * The records of a journal that began and did not end. A torn last line never began, nor did one that names what we never
 * make: other files than those with temporary names are nobody's to remove.
 */
export function openRecords(journal: Buffer): SaveRecord[] {
  const open = new Map<number, SaveRecord>();
  for (const text of journal.toString('utf8').split('\n')) {
    const line = parseLine(text);
    if (line?.record !== undefined && isPlausible(line.record)) open.set(line.id, line.record);
    else if (line !== undefined) open.delete(line.id);
  }
  return [...open.values()];
}

function isPlausible(record: SaveRecord): boolean {
  if (record.directory[0] !== SLASH) return false;
  switch (record.kind) {
    case 'backup': {
      const { directory, name } = splitPath(record.backup);
      return directory[0] === SLASH && isTemporaryName(name) && isPlainName(record.name);
    }
    case 'exchange':
      return isTemporaryName(record.temporary) && isPlainName(record.name);
    default:
      return isTemporaryName(record.temporary);
  }
}

function isPlainName(name: Buffer): boolean {
  return name.length > 0 && !name.includes(SLASH) && !name.includes(0) && !DOTS.has(name.toString('latin1'));
}

const SLASH = 0x2f;
const DOTS: ReadonlySet<string> = new Set(['.', '..']);

function parseLine(text: string): JournalLine | undefined {
  let value: Fields;
  try {
    value = new Fields(JSON.parse(text));
    return { id: Number(value.text('id')), record: parseRecord(value) };
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function parseRecord(value: Fields): SaveRecord | undefined {
  switch (value.has('kind') ? value.text('kind') : undefined) {
    case 'temporary':
      return {
        kind: 'temporary',
        directory: value.bytes('directory'),
        temporary: value.bytes('temporary'),
      };
    case 'tree':
      return {
        kind: 'tree',
        directory: value.bytes('directory'),
        temporary: value.bytes('temporary'),
        top: value.has('top') ? treeTop(value.fields('top')) : undefined,
      };
    case 'exchange':
      return {
        kind: 'exchange',
        directory: value.bytes('directory'),
        name: value.bytes('name'),
        temporary: value.bytes('temporary'),
        staged: value.integer('staged'),
        before: content(value.fields('before')),
      };
    case 'backup':
      return {
        kind: 'backup',
        directory: value.bytes('directory'),
        name: value.bytes('name'),
        backup: value.bytes('backup'),
        before: content(value.fields('before')),
        timeNs: value.integer('timeNs'),
      };
    default:
      return undefined;
  }
}

function treeTop(value: Fields): TreeTop {
  return { ino: value.integer('ino'), generation: value.integer('generation') };
}

function content(value: Fields): Content {
  return { ino: value.integer('ino'), size: value.integer('size'), mtimeNs: value.integer('mtimeNs') };
}

/** The fields of a parsed object. What is not as it should be is a SyntaxError, like the rest of a torn line. */
class Fields {
  private readonly values: Readonly<Record<string, unknown>>;

  constructor(value: unknown) {
    if (typeof value !== 'object' || value === null) throw new SyntaxError('no object');
    this.values = value as Record<string, unknown>;
  }

  has(name: string): boolean {
    return this.values[name] !== undefined;
  }

  text(name: string): string {
    const value = this.values[name];
    if (value === undefined || typeof value === 'object') throw new SyntaxError(`no ${name}`);
    return String(value);
  }

  bytes(name: string): Buffer {
    return Buffer.from(this.text(name), 'latin1');
  }

  integer(name: string): bigint {
    return BigInt(this.text(name));
  }

  fields(name: string): Fields {
    return new Fields(this.values[name]);
  }
}
