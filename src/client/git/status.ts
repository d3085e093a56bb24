import { textOf } from '../../protocol/names';

/** The state of one side (index or work tree) of a path: a letter of git-status(1). */
export type StatusLetter = '.' | 'M' | 'T' | 'A' | 'D' | 'R' | 'C' | 'U';

export interface SubmoduleState {
  readonly commitChanged: boolean;
  readonly modified: boolean;
  readonly untracked: boolean;
}

export interface StatusEntry {
  /** Relative to the work tree's root, in the text form of tree/names.ts. */
  readonly path: string;
  readonly kind: 'changed' | 'unmerged' | 'untracked';
  readonly index: StatusLetter;
  readonly worktree: StatusLetter;
  /** Where a rename or copy came from. */
  readonly from?: string;
  readonly submodule?: SubmoduleState;
  /** The object in HEAD and in the index; undefined for untracked and unmerged paths. */
  readonly head?: string;
  readonly staged?: string;
}

export interface BranchState {
  /** Undefined before the first commit. */
  readonly oid: string | undefined;
  /** Undefined when HEAD is detached. */
  readonly name: string | undefined;
  readonly upstream: string | undefined;
  /** Undefined where there is no upstream, or it is gone. */
  readonly ahead: number | undefined;
  readonly behind: number | undefined;
}

export interface GitStatus {
  readonly branch: BranchState;
  /** Undefined where git is too old to say. */
  readonly stashes: number | undefined;
  readonly entries: readonly StatusEntry[];
  /** How many more entries git named than are kept. */
  readonly left: number;
}

/** What a view can show; the rest is counted. */
export const MAX_ENTRIES = 10_000;
/** Two paths of PATH_MAX and the fields before them; a longer record is none of git's. */
const MAX_RECORD = 16 << 10;

export const STATUS_ARGS: readonly string[] = [
  'status',
  '--porcelain=v2',
  '-z',
  '--branch',
  '--show-stash',
  '--untracked-files=normal',
];

/** The output of `git status --porcelain=v2 -z` (git-status(1)), taken as it comes. Bad records throw an Error. */
export class StatusParser {
  private rest: Buffer = Buffer.alloc(0);
  private oid: string | undefined;
  private name: string | undefined;
  private upstream: string | undefined;
  private ahead: number | undefined;
  private behind: number | undefined;
  private stashes: number | undefined;
  private left = 0;
  private readonly entries: StatusEntry[] = [];
  /** A rename waits for its second path. */
  private renamed: ((from: string) => StatusEntry) | undefined;

  constructor(private readonly bound = MAX_ENTRIES) {}

  push(chunk: Buffer): void {
    const data = this.rest.length > 0 ? Buffer.concat([this.rest, chunk]) : chunk;
    let start = 0;
    for (let end = data.indexOf(0, start); end !== -1; end = data.indexOf(0, start)) {
      this.record(data.subarray(start, end));
      start = end + 1;
    }
    this.rest = Buffer.from(data.subarray(start));
    if (this.rest.length > MAX_RECORD) throw new Error('git status printed what is no status');
  }

  finish(): GitStatus {
    if (this.rest.length > 0 || this.renamed) throw new Error('git status ended in the middle of an entry');
    const { oid, name, upstream, ahead, behind, stashes, left } = this;
    return {
      branch: { oid, name, upstream, ahead, behind },
      stashes,
      entries: this.entries,
      left,
    };
  }

  private record(bytes: Buffer): void {
    if (this.renamed) {
      this.keep(this.renamed(textOf(bytes)));
      this.renamed = undefined;
      return;
    }
    switch (bytes[0]) {
      case 0x23: // #
        this.header(bytes.toString('utf8'));
        return;
      case 0x31: // 1
        this.keep(changed(...fields(bytes, 8)));
        return;
      case 0x32: {
        // 2
        const [parts, path] = fields(bytes, 9);
        this.renamed = (from) => ({ ...changed(parts, path), from });
        return;
      }
      case 0x75: {
        // u
        const [[, xy = ''], path] = fields(bytes, 10);
        this.keep({ path: textOf(path), kind: 'unmerged', index: letter(xy[0]), worktree: letter(xy[1]) });
        return;
      }
      case 0x3f: // ?
        this.keep({ path: textOf(bytes.subarray(2)), kind: 'untracked', index: '.', worktree: '.' });
        return;
      case 0x21: // !
        return;
      default:
        throw new Error('git status printed what is no status');
    }
  }

  private keep(entry: StatusEntry): void {
    if (this.entries.length < this.bound) this.entries.push(entry);
    else this.left++;
  }

  private header(line: string): void {
    const [, key, value = ''] = /^# ([\w.]+) (.*)$/s.exec(line) ?? [];
    if (key === 'branch.oid') this.oid = value === '(initial)' ? undefined : value;
    else if (key === 'branch.head') this.name = value === '(detached)' ? undefined : value;
    else if (key === 'branch.upstream') this.upstream = value;
    else if (key === 'stash') this.stashes = Number(value);
    else if (key === 'branch.ab') {
      const counts = /^\+(\d+) -(\d+)$/.exec(value);
      if (counts) [this.ahead, this.behind] = [Number(counts[1]), Number(counts[2])];
    }
  }
}

/** The first `count` fields of a record, which are separated by spaces, and the path behind them, which may hold some. */
function fields(record: Buffer, count: number): [string[], Buffer] {
  const parts: string[] = [];
  let start = 0;
  for (let i = 0; i < count; i++) {
    const end = record.indexOf(0x20, start);
    if (end === -1) throw new Error('git status printed what is no status');
    parts.push(record.toString('latin1', start, end));
    start = end + 1;
  }
  return [parts, record.subarray(start)];
}

function changed([, xy = '', sub = '', , , , head, staged]: readonly string[], path: Buffer): StatusEntry {
  return {
    path: textOf(path),
    kind: 'changed',
    index: letter(xy[0]),
    worktree: letter(xy[1]),
    ...(sub[0] === 'S' && {
      submodule: { commitChanged: sub[1] === 'C', modified: sub[2] === 'M', untracked: sub[3] === 'U' },
    }),
    ...(head !== undefined && { head }),
    ...(staged !== undefined && { staged }),
  };
}

function letter(value: string | undefined): StatusLetter {
  if (value !== undefined && '.MTADRCU'.includes(value)) return value as StatusLetter;
  throw new Error('git status printed a state that is unknown');
}
