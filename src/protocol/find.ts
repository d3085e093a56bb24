import { ErrnoError } from './errno';
import {
  FIND_HIDDEN,
  FIND_IGNORE_FILES,
  FIND_LATIN1,
  FIND_MATCH_CASE,
  FIND_MULTILINE,
  FIND_RANKED,
  FIND_REGEX,
  FIND_WHOLE_WORD,
  type FindIn,
  FindOut,
  FoundFile,
  FoundMatch,
  FoundOut,
} from './livemount';
import { packRecord, RecordReader } from './pack';
import type { Value } from './struct';

/** What is searched, as SEARCH and FILES carry it. */
export interface FindQuery {
  readonly pattern: string;
  /** Relative to the root of the search; `!glob` leaves out. */
  readonly globs: readonly string[];
  readonly isRegex: boolean;
  readonly matchCase: boolean;
  readonly wholeWord: boolean;
  readonly multiline: boolean;
  readonly ignoreFiles: boolean;
  readonly hidden: boolean;
  readonly latin1: boolean;
  readonly ranked: boolean;
  /** Matches or names at most. */
  readonly results: number;
}

const FLAGS = [
  ['isRegex', FIND_REGEX],
  ['matchCase', FIND_MATCH_CASE],
  ['wholeWord', FIND_WHOLE_WORD],
  ['multiline', FIND_MULTILINE],
  ['ignoreFiles', FIND_IGNORE_FILES],
  ['hidden', FIND_HIDDEN],
  ['latin1', FIND_LATIN1],
  ['ranked', FIND_RANKED],
] as const;

/** Bytes of a pattern, and globs, that a search takes. */
const PATTERN_BYTES_MAX = 64 << 10;
const GLOBS_MAX = 1000;

export function encodeFind(
  id: bigint,
  query: FindQuery,
): { readonly fixed: Value<typeof FindIn>; readonly data: Buffer } {
  const pattern = Buffer.from(query.pattern, 'utf8');
  const flags = FLAGS.reduce((all, [name, bit]) => (query[name] ? all | bit : all), 0);
  const globs = query.globs.map((glob) => `${glob}\0`).join('');
  return {
    fixed: { id, flags, results: query.results, globs: query.globs.length, patternlen: pattern.length },
    data: Buffer.concat([pattern, Buffer.from(globs, 'utf8')]),
  };
}

/** EINVAL for a request that is torn or out of bounds. */
export function decodeFind(fixed: Value<typeof FindIn>, data: Buffer): FindQuery {
  const { flags, results, globs: count, patternlen } = fixed;
  if (patternlen > PATTERN_BYTES_MAX || patternlen > data.length || count > GLOBS_MAX)
    throw new ErrnoError('EINVAL', 'a query out of bounds');
  const globs = data.toString('utf8', patternlen).split('\0');
  if (globs.pop() !== '' || globs.length !== count) throw new ErrnoError('EINVAL', 'torn globs');
  const set = Object.fromEntries(FLAGS.map(([name, bit]) => [name, (flags & bit) !== 0])) as {
    [K in (typeof FLAGS)[number][0]]: boolean;
  };
  return { ...set, results, globs, pattern: data.toString('utf8', 0, patternlen) };
}

/** One match in a file. Lines and columns from 0, columns in UTF-16 units, as editors have them. */
export interface MatchRecord {
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
  /** The column of its line at which the preview begins. */
  readonly previewColumn: number;
  /** What is around it in its first line, cut. */
  readonly preview: string;
}

/** A file with its matches; without any it is a name, or something that `note` tells of. */
export interface FoundRecord {
  /** Below the root of the search. */
  readonly path: Buffer;
  readonly matches: readonly MatchRecord[];
  /** FoundNote */
  readonly note: number;
  /** Of a ranked name: higher is better. */
  readonly score: number;
}

export function encodeFoundRecord({ path, matches, note, score }: FoundRecord): Buffer {
  const parts = [
    packRecord(FoundFile.encode({ pathlen: path.length, count: matches.length, note, score }), path),
    ...matches.map(({ line, column, endLine, endColumn, previewColumn, preview }) => {
      const text = Buffer.from(preview, 'utf8');
      const fixed = FoundMatch.encode({
        line,
        column,
        end_line: endLine,
        end_column: endColumn,
        preview_column: previewColumn,
        previewlen: text.length,
      });
      return packRecord(fixed, text);
    }),
  ];
  return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
}

export function encodeFound(id: bigint, seq: number, records: readonly Buffer[]): Buffer {
  return Buffer.concat([FoundOut.encode({ id, seq, count: records.length }), ...records]);
}

/** PATH_MAX of limits.h, and a preview's bytes: what is longer was not sent by an agent of ours. */
export const PATH_BYTES_MAX = 4096;
const PREVIEW_BYTES_MAX = 4096;

/** EIO for a notification that is torn, or says what cannot be. */
export function decodeFound(body: Buffer): {
  readonly id: bigint;
  readonly seq: number;
  readonly records: readonly FoundRecord[];
} {
  const reader = new RecordReader(body, 'EIO');
  const { id, seq, count } = reader.take(FoundOut);
  const records: FoundRecord[] = [];
  for (let index = 0; index < count; index++) {
    const file = reader.take(FoundFile);
    if (file.pathlen > PATH_BYTES_MAX) throw new ErrnoError('EIO', 'a path that is too long');
    const path = reader.bytes(file.pathlen);
    reader.align();
    const matches: MatchRecord[] = [];
    for (let match = 0; match < file.count; match++) {
      const fixed = reader.take(FoundMatch);
      if (fixed.previewlen > PREVIEW_BYTES_MAX) throw new ErrnoError('EIO', 'a preview that is too long');
      const preview = reader.view(fixed.previewlen).toString('utf8');
      reader.align();
      matches.push({
        line: fixed.line,
        column: fixed.column,
        endLine: fixed.end_line,
        endColumn: fixed.end_column,
        previewColumn: fixed.preview_column,
        preview,
      });
    }
    assertBelow(path);
    records.push({ path, matches, note: file.note, score: file.score });
  }
  return { id, seq, records };
}

/** What is found lies below the root of the search, whatever the host says. */
function assertBelow(path: Buffer): void {
  const names = path.toString('latin1').split('/');
  const leadsOut = names.some((name) => name === '..' || name === '.' || (name === '' && path.length > 0));
  if (leadsOut || path.includes(0)) throw new ErrnoError('EIO', 'a path that leads out of the search');
}

export interface FindEnd {
  readonly batches: number;
  /** FIND_* bits of lm_find_out. */
  readonly flags: number;
  readonly files: bigint;
  readonly results: number;
  readonly message: string;
  /** Where in the pattern the message is about. */
  readonly at: number | undefined;
}

const NOWHERE = 0xffffffff;

export function encodeFindEnd({ batches, flags, files, results, message, at = NOWHERE }: FindEnd): Buffer {
  const text = Buffer.from(message, 'utf8').subarray(0, PREVIEW_BYTES_MAX);
  const fixed = FindOut.encode({ batches, flags, files, results, at, messagelen: text.length });
  return Buffer.concat([fixed, text]);
}

export function decodeFindEnd(body: Buffer): FindEnd {
  const reader = new RecordReader(body, 'EIO');
  const { batches, flags, files, results, at, messagelen } = reader.take(FindOut);
  const message = reader.bytes(messagelen).toString('utf8');
  return { batches, flags, files, results, message, at: at === NOWHERE ? undefined : at };
}
