import type { MatchRecord } from '../../protocol/find';
import { FILE_MATCHES_MAX, type FoundFile, type FoundNote, previewOf } from './found';
import type { TextQuery } from './pattern';

export interface RipgrepOptions {
  readonly query: TextQuery;
  /** The query's pattern in ripgrep's language. */
  readonly pattern: string;
  /** Globs as they were given. */
  readonly globs: readonly string[];
  readonly hidden: boolean;
  readonly ignoreFiles: boolean;
  readonly latin1: boolean;
  /** Files above this are left out, in bytes. */
  readonly fileBytesMax: number;
}

/** The arguments with which ripgrep finds what our own engine does. It runs in the root of the search. */
export function ripgrepArguments(options: RipgrepOptions, part: Buffer): (string | Buffer)[] {
  const { query, pattern, globs } = options;
  return [
    '--no-config',
    '--json',
    '--crlf',
    '--one-file-system',
    '--no-require-git',
    '--no-ignore-parent',
    '--no-ignore-global',
    '--no-ignore-exclude',
    ...(options.ignoreFiles ? [] : ['--no-ignore']),
    ...(options.hidden ? ['--hidden'] : ['--no-hidden']),
    query.matchCase ? '--case-sensitive' : '--ignore-case',
    ...(query.multiline ? ['--multiline'] : []),
    ...(options.latin1 ? ['--encoding', 'latin1'] : []),
    // One line more than is told shows that there are more.
    '--max-count',
    `${FILE_MATCHES_MAX + 1}`,
    // Nothing else tells which files are too large.
    '--debug',
    '--max-filesize',
    `${options.fileBytesMax}`,
    ...globs.flatMap((glob) => ['--glob', glob]),
    '--regexp',
    pattern,
    '--',
    part.length === 0 ? './' : Buffer.concat([Buffer.from('./'), part]),
  ];
}

interface Text {
  readonly text?: string;
  readonly bytes?: string;
}

interface Message {
  readonly type: string;
  readonly data: {
    readonly path?: Text | null;
    readonly lines?: Text;
    readonly line_number?: number;
    readonly submatches?: readonly { readonly start: number; readonly end: number }[];
    readonly binary_offset?: number | null;
  };
}

/** Bytes of one message at most; a file with a longer line is told to be too large. */
const MESSAGE_BYTES_MAX = 16 << 20;
const LF = 0x0a;

/** Reads the JSON lines of ripgrep, in pieces as they come, and gives the files with what was found in them. */
export class RipgrepReader {
  private pieces: Buffer[] = [];
  private length = 0;
  private current: { path: string; matches: MatchRecord[]; isCut: boolean; isLarge: boolean } | undefined;

  constructor(
    private readonly found: (file: FoundFile) => void,
    private readonly note: (note: FoundNote) => void,
  ) {}

  push(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      const end = chunk.indexOf(LF, at);
      const piece = chunk.subarray(at, end < 0 ? chunk.length : end);
      this.length += piece.length;
      if (this.length <= MESSAGE_BYTES_MAX) this.pieces.push(piece);
      else {
        this.pieces = [];
        if (this.current !== undefined) this.current.isLarge = true;
      }
      if (end < 0) return;
      at = end + 1;
      if (this.length <= MESSAGE_BYTES_MAX) this.take(Buffer.concat(this.pieces).toString('utf8'));
      this.pieces = [];
      this.length = 0;
    }
  }

  private take(line: string): void {
    let message: Message;
    try {
      message = JSON.parse(line) as Message;
    } catch {
      return; // No line of ripgrep's.
    }
    const { type, data } = message;
    if (type === 'begin')
      this.current = { path: pathOf(data.path), matches: [], isCut: false, isLarge: false };
    else if (type === 'match') this.match(data);
    else if (type === 'end') {
      // A file in which a NUL turns up further down is not text after all.
      const file = this.current;
      this.current = undefined;
      if (file === undefined || (data.binary_offset ?? null) !== null) return;
      const { path, matches, isCut, isLarge } = file;
      if (matches.length > 0) this.found({ path, matches, isCut });
      if (isLarge) this.note({ path, kind: 'large' });
    }
  }

  private match({ lines, line_number: number, submatches = [] }: Message['data']): void {
    const { current } = this;
    if (current === undefined || current.isCut || lines === undefined || number === undefined) return;
    const bytes = bytesOf(lines);
    const seen: SeenLine = { at: -1, whole: '', byte: 0, column: 0 };
    for (const { start, end } of submatches) {
      const match = located(bytes, number - 1, start, end, seen);
      if (match === undefined) continue;
      if (current.matches.length === FILE_MATCHES_MAX) {
        current.isCut = true;
        return;
      }
      current.matches.push(match);
    }
  }
}

/** The line of the match before: one with many matches is read once, and all previews are parts of one text. */
interface SeenLine {
  /** Where it begins, in bytes. */
  at: number;
  whole: string;
  /** A place in it, and its column. */
  byte: number;
  column: number;
}

/** Where a match of bytes lies among the lines it is in. */
function located(
  bytes: Buffer,
  firstLine: number,
  start: number,
  end: number,
  seen: SeenLine,
): MatchRecord | undefined {
  let to = end;
  // With --crlf the end of a line takes its CR along.
  if (to > start && bytes[to - 1] === 0x0d && (bytes[to] === LF || to === bytes.length)) to--;
  if (to <= start) return undefined;
  let line = firstLine;
  let lineStart = 0;
  for (let next = bytes.indexOf(LF); next >= 0 && next < start; next = bytes.indexOf(LF, lineStart)) {
    line++;
    lineStart = next + 1;
  }
  const lineEnd = bytes.indexOf(LF, lineStart);
  if (seen.at !== lineStart) {
    seen.whole = bytes.toString('utf8', lineStart, lineEnd < 0 ? bytes.length : lineEnd).replace(/\r$/, '');
    seen.at = lineStart;
    seen.byte = lineStart;
    seen.column = 0;
  }
  seen.column += utf16Length(bytes, seen.byte, start);
  seen.byte = start;
  const { whole, column } = seen;
  let endLine = line;
  let endStart = lineStart;
  for (let next = bytes.indexOf(LF, start); next >= 0 && next < to; next = bytes.indexOf(LF, endStart)) {
    endLine++;
    endStart = next + 1;
  }
  const endColumn =
    endLine === line ? column + utf16Length(bytes, start, to) : utf16Length(bytes, endStart, to);
  return { line, column, endLine, endColumn, ...previewOf(whole, Math.min(column, whole.length)) };
}

function utf16Length(bytes: Buffer, from: number, to: number): number {
  return bytes.toString('utf8', from, to).length;
}

function bytesOf({ text, bytes }: Text): Buffer {
  return text !== undefined ? Buffer.from(text, 'utf8') : Buffer.from(bytes ?? '', 'base64');
}

/** Below the root of the search, as latin1. */
function pathOf(path: Text | null | undefined): string {
  return bytesOf(path ?? {})
    .toString('latin1')
    .replace(/^\.\//, '');
}

/** ripgrep's own way to say that it does not take the expression. */
const REFUSED = /regex parse error|regex could not be compiled|exceeds size limit|^error: /;
const UNREADABLE = /^(?:rg: )?(.*): .* \(os error \d+\)$/;
const LARGE = /^(?:rg: )?DEBUG\|ignore::walk\|[^ ]*: ignoring (.*): \d+ bytes$/;
/** A line of a complaint at most, in bytes: a path, and some words. */
const COMPLAINT_MAX = 16 << 10;

/** Reads what ripgrep says beside its results: what it could not search, and what it does not take. */
export class RipgrepComplaints {
  isRefused = false;
  private rest = '';

  constructor(private readonly note: (note: FoundNote) => void) {}

  push(chunk: Buffer): void {
    const lines = (this.rest + chunk.toString('latin1')).split('\n');
    this.rest = (lines.pop() ?? '').slice(0, COMPLAINT_MAX);
    for (const line of lines) this.take(line);
  }

  /** Nothing more comes. */
  end(): void {
    this.take(this.rest);
    this.rest = '';
  }

  private take(line: string): void {
    const large = LARGE.exec(line)?.[1];
    const unreadable = UNREADABLE.exec(line)?.[1];
    if (large !== undefined) this.tell(large, 'large');
    else if (unreadable !== undefined) this.tell(unreadable, 'unreadable');
    else if (REFUSED.test(line)) this.isRefused = true;
  }

  private tell(place: string, kind: FoundNote['kind']): void {
    const path = place.replace(/^\.\/?/, '');
    // A line end in a name begins a line that can hold any words.
    if (!path.startsWith('/') && !path.split('/').includes('..')) this.note({ path, kind });
  }
}
