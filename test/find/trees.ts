import { chmodSync, linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FindQuery } from '../../src/protocol/find';

export const PLAIN: FindQuery = {
  pattern: '',
  globs: [],
  isRegex: false,
  matchCase: true,
  wholeWord: false,
  multiline: false,
  ignoreFiles: true,
  hidden: false,
  latin1: false,
  ranked: false,
  results: 100_000,
};

type Random = () => number;

/** A generator that is the same for the same seed. (mulberry32) */
export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function pick<T>(random: Random, from: readonly T[]): T {
  return from[Math.floor(random() * from.length)] as T;
}

const NAMES = [
  'a.ts',
  'b.js',
  'c',
  'foo',
  'foo.txt',
  'bar.log',
  '.hidden',
  'build',
  'src',
  'x y',
  'ünï.ts',
  '[z].md',
];
const WORDS = [
  'foo',
  'Foo',
  'foobar',
  'bar',
  'x',
  'foo.bar',
  'fooo',
  'été',
  'ÉTÉ',
  '😀foo',
  '(foo)',
  'a\tb',
  'foo_bar',
];
const IGNORES = [
  '*.log',
  'build/',
  '/src',
  '!bar.log',
  '**/foo',
  'src/**',
  'x y',
  '# comment',
  '\\[z].md',
  '*.{js,md}',
  'c/',
  '[ab].*',
  '!*.ts',
  '.hidden',
  '!.hidden',
  '',
];

/** A tree with ignore files, hidden names, binary files, marks of encodings, long and odd lines, links and closed folders. */
export function makeTree(root: string, random: Random, depth = 0): void {
  const count = 2 + Math.floor(random() * 5);
  const used = new Set<string>();
  for (let index = 0; index < count; index++) {
    const name = pick(random, NAMES);
    if (used.has(name)) continue;
    used.add(name);
    const path = join(root, name);
    const kind = random();
    if (kind < 0.35 && depth < 3) {
      mkdirSync(path);
      makeTree(path, random, depth + 1);
    } else if (kind < 0.4) symlinkSync(pick(random, ['.', 'a.ts', '/nonexistent']), path);
    else writeFileSync(path, contentOf(random));
    if (kind > 0.95) linkSync(path, `${path}2`);
  }
  for (const file of ['.gitignore', '.ignore', '.rgignore']) {
    if (random() < 0.25) writeFileSync(join(root, file), ignoreOf(random));
  }
  if (random() < 0.05) {
    mkdirSync(join(root, 'closed'));
    chmodSync(join(root, 'closed'), 0o000);
  }
}

function ignoreOf(random: Random): string {
  return Array.from({ length: 1 + Math.floor(random() * 4) }, () => pick(random, IGNORES)).join(
    pick(random, ['\n', '\n', '\r\n']),
  );
}

function contentOf(random: Random): Buffer {
  const lines = Array.from({ length: Math.floor(random() * 12) }, () => lineOf(random));
  const text = lines.join(pick(random, ['\n', '\n', '\r\n'])) + pick(random, ['', '\n']);
  const kind = random();
  if (kind < 0.06) return Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, 'utf16le')]);
  if (kind < 0.1) return Buffer.concat([Buffer.from([0xfe, 0xff]), Buffer.from(text, 'utf16le').swap16()]);
  if (kind < 0.14) return Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(text)]);
  if (kind < 0.2) return Buffer.concat([Buffer.from(text), Buffer.from([0, 1, 2]), Buffer.from('\nfoo')]);
  return Buffer.from(text);
}

function lineOf(random: Random): string {
  if (random() < 0.05) return `${'long '.repeat(200)}foo${' tail'.repeat(200)}`;
  return Array.from({ length: Math.floor(random() * 5) }, () => pick(random, WORDS)).join(
    pick(random, [' ', '', ', ']),
  );
}

const PATTERNS: readonly (readonly [pattern: string, isRegex: boolean])[] = [
  ['foo', false],
  ['foo.bar', false],
  ['(foo)', false],
  ['ÉTÉ', false],
  ['😀', false],
  ['a\tb', false],
  ['x', false],
  ['foo', true],
  ['fo+', true],
  ['^foo', true],
  ['bar$', true],
  ['[Ff]oo\\w*', true],
  ['\\bfoo\\b', true],
  ['f.o', true],
  ['(foo|bar)_?', true],
  ['[^a-z ]+', true],
  ['\\(\\w{2,3}\\)', true],
  ['é\\w*', true],
  ['o{2}', true],
  ['\\d|x', true],
  ['foo(?=bar)', true],
  ['\\u0066oo', true],
  ['\\p{Lu}\\p{Ll}+', true],
];
const GLOBS = [
  '*.ts',
  '!*.log',
  'src/**',
  '!build',
  '*.{ts,js}',
  '/foo',
  '!**/c',
  'foo',
  '.hidden',
  '!/src/',
];

export function randomQuery(random: Random): FindQuery {
  const [pattern, isRegex] = pick(random, PATTERNS);
  return {
    ...PLAIN,
    pattern,
    isRegex,
    matchCase: random() < 0.6,
    wholeWord: random() < 0.25,
    multiline: random() < 0.2,
    ignoreFiles: random() < 0.75,
    hidden: random() < 0.5,
    globs:
      random() < 0.5 ? [] : Array.from({ length: 1 + Math.floor(random() * 2) }, () => pick(random, GLOBS)),
  };
}
