import type { MatchRecord } from '../../protocol/find';
import { type FoundFile, previewOf } from './found';
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

/** Bytes of one message at most; a longer line is left out. */
const MESSAGE_BYTES_MAX = 16 << 20;
const LF = 0x0a;

/** Reads the JSON lines of ripgrep, in pieces as they come, and gives the files with what was found in them. */
export class RipgrepReader {
  private pieces: Buffer[] = [];
  private length = 0;
  private current: { path: string; matches: MatchRecord[] } | undefined;

  constructor(private readonly found: (file: FoundFile) => void) {}

  push(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      const end = chunk.indexOf(LF, at);
      const piece = chunk.subarray(at, end < 0 ? chunk.length : end);
      this.length += piece.length;
      if (this.length <= MESSAGE_BYTES_MAX) this.pieces.push(piece);
      else this.pieces = [];
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
    if (type === 'begin') this.current = { path: pathOf(data.path), matches: [] };
    else if (type === 'match') this.match(data);
    else if (type === 'end') {
      // A file in which a NUL turns up further down is not text after all.
      const file = this.current;
      this.current = undefined;
      if (file !== undefined && file.matches.length > 0 && (data.binary_offset ?? null) === null)
        this.found(file);
    }
  }

  private match({ lines, line_number: number, submatches = [] }: Message['data']): void {
    if (this.current === undefined || lines === undefined || number === undefined) return;
    const bytes = bytesOf(lines);
    for (const { start, end } of submatches) {
      const match = located(bytes, number - 1, start, end);
      if (match !== undefined) this.current.matches.push(match);
    }
  }
}

/** Where a match of bytes lies among the lines it is in. */
function located(bytes: Buffer, firstLine: number, start: number, end: number): MatchRecord | undefined {
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
  const whole = bytes.toString('utf8', lineStart, lineEnd < 0 ? bytes.length : lineEnd).replace(/\r$/, '');
  const column = utf16Length(bytes, lineStart, start);
  let endLine = line;
  let endStart = lineStart;
  for (let next = bytes.indexOf(LF, start); next >= 0 && next < to; next = bytes.indexOf(LF, endStart)) {
    endLine++;
    endStart = next + 1;
  }
  const endColumn = utf16Length(bytes, endStart, to);
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
