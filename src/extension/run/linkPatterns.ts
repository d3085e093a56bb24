import { posix } from 'node:path';

/** A piece of a terminal line that may name a file. */
export interface LinkCandidate {
  readonly start: number;
  readonly length: number;
  readonly path: string;
  /** From 1. */
  readonly line: number | undefined;
  readonly column: number | undefined;
}

/** Candidates of one line that are looked at: more is a table, not a message. */
const CANDIDATES_MAX = 12;
/** A line that a person reads. */
const LINE_MAX = 2000;

/** `File "x.py", line 12`, as Python has it. */
const PYTHON = /File "([^"\n]+)", line (\d+)/g;
/** `path(12,34)`, as tsc and msbuild have it. */
const PARENTHESES = /([^\s"'`<>|:;,()[\]{}]+)\((\d+)(?:,\s?(\d+))?\)/g;
/** `path`, `path:12`, `path:12:34`. */
const COLONS = /([^\s"'`<>|:;,()[\]{}=]+)(?::(\d+)(?:[:.](\d+))?)?/g;

/** What in a line may be a path, with line and column; those with a line first. */
export function candidatesIn(text: string): LinkCandidate[] {
  const line = text.slice(0, LINE_MAX);
  const found: LinkCandidate[] = [];
  for (const pattern of [PYTHON, PARENTHESES, COLONS]) {
    for (const match of line.matchAll(pattern)) {
      const [whole, path = '', at, column] = match;
      const candidate = {
        start: match.index,
        length: whole.length,
        path: pattern === COLONS ? path.replace(/[.!?]+$/, '') : path,
        line: at === undefined ? undefined : Number(at),
        column: column === undefined ? undefined : Number(column),
      };
      if (!looksLikePath(candidate) || found.some((other) => overlap(other, candidate))) continue;
      if (candidate.line === undefined) found.push({ ...candidate, length: candidate.path.length });
      else found.push(candidate);
    }
  }
  return found
    .sort((a, b) => Number(a.line === undefined) - Number(b.line === undefined))
    .slice(0, CANDIDATES_MAX);
}

/** The place a candidate names; undefined for one that needs a home that is not known. */
export function resolvedPath(path: string, cwd: string, home: string | undefined): string | undefined {
  if (path === '~' || path.startsWith('~/'))
    return home === undefined ? undefined : posix.resolve(home, `.${path.slice(1)}`);
  return posix.resolve(cwd, path);
}

function looksLikePath({ path, line }: LinkCandidate): boolean {
  if (path === '' || /^[-+*.\d/]+$/.test(path) || path.startsWith('//')) return false;
  return line !== undefined || path.includes('/') || /\.\w{1,8}$/.test(path);
}

function overlap(a: LinkCandidate, b: LinkCandidate): boolean {
  return a.start < b.start + b.length && b.start < a.start + a.length;
}
