/**
 * How well a path is what somebody means who types a few letters of it, as a file picker ranks: letters in their order, best
 * in a row, at the beginnings of words, and in the base name.
 */

/** A query as it is matched: its words, each with and without capitals. */
export interface FuzzyQuery {
  readonly words: readonly FuzzyWord[];
}

interface FuzzyWord {
  readonly text: string;
  readonly lower: string;
  /** It names folders, too: it is matched against the whole path. */
  readonly wholePath: boolean;
}

/** Longer ones are no query. */
const QUERY_MAX = 200;
/** Of a longer path only the end is looked at. */
const PATH_MAX = 400;

const IN_BASE_NAME = 1 << 18;
const BASE_PREFIX = 1 << 17;
const IDENTICAL = 1 << 19;

export function fuzzyQuery(text: string): FuzzyQuery {
  const words = text
    .slice(0, QUERY_MAX)
    .split(/\s+/)
    .filter((word) => word !== '')
    .map((word) => ({ text: word, lower: word.toLowerCase(), wholePath: word.includes('/') }));
  return { words };
}

/** Higher is better; 0 if it is not meant at all. Of two with the same, the shorter path is better. */
export function fuzzyScore(path: string, { words }: FuzzyQuery): number {
  const target = path.length > PATH_MAX ? path.slice(-PATH_MAX) : path;
  const lower = target.toLowerCase();
  // A few letters have another length in small.
  if (lower.length !== target.length) return fuzzyScoreOf(target, target, words);
  return fuzzyScoreOf(target, lower, words);
}

function fuzzyScoreOf(target: string, lower: string, words: readonly FuzzyWord[]): number {
  let sum = 0;
  for (const word of words) {
    const score = wordScore(target, lower, word);
    if (score === 0) return 0;
    sum += score;
  }
  return sum;
}

function wordScore(target: string, lower: string, word: FuzzyWord): number {
  const base = target.lastIndexOf('/') + 1;
  if (!word.wholePath && isSubsequence(lower, base, word.lower)) {
    const score = best(target, lower, base, word);
    const prefix = lower.startsWith(word.lower, base);
    const identical = prefix && target.length - base === word.text.length;
    return score + IN_BASE_NAME + (prefix ? BASE_PREFIX : 0) + (identical ? IDENTICAL : 0);
  }
  return isSubsequence(lower, 0, word.lower) ? best(target, lower, 0, word) : 0;
}

function isSubsequence(lower: string, from: number, wanted: string): boolean {
  let at = from;
  for (let index = 0; index < wanted.length; index++) {
    at = lower.indexOf(wanted[index] as string, at) + 1;
    if (at === 0) return false;
  }
  return true;
}

/** What a letter of the query is worth at a place of the target. */
function worth(target: string, at: number, from: number, same: boolean): number {
  let score = same ? 2 : 1;
  if (at === from) return score + 8;
  const before = target.charCodeAt(at - 1);
  if (before === SLASH) score += 5;
  else if (isSeparator(before)) score += 4;
  else if (isUpper(target.charCodeAt(at)) && !isUpper(before)) score += 2;
  return score;
}

const SLASH = 0x2f;
const IN_A_ROW = 5;

function isSeparator(code: number): boolean {
  // _ - . space ' " :
  return (
    code === 0x5f ||
    code === 0x2d ||
    code === 0x2e ||
    code === 0x20 ||
    code === 0x27 ||
    code === 0x22 ||
    code === 0x3a
  );
}

function isUpper(code: number): boolean {
  return code >= 0x41 && code <= 0x5a;
}

/** The best of all ways to find the letters in their order. */
function best(target: string, lower: string, from: number, { text, lower: wanted }: FuzzyWord): number {
  const width = target.length - from;
  /** For each place the best score with the letter before placed at or before it, and exactly at it. */
  let upTo = new Int32Array(width + 1);
  let exact = new Int32Array(width + 1);
  for (let index = 0; index < wanted.length; index++) {
    const nextUpTo = new Int32Array(width + 1).fill(-1);
    const nextExact = new Int32Array(width + 1).fill(-1);
    for (let at = 1; at <= width; at++) {
      let score = -1;
      const place = from + at - 1;
      if (lower.charCodeAt(place) === wanted.charCodeAt(index)) {
        const same = target.charCodeAt(place) === text.charCodeAt(index);
        const here = worth(target, place, from, same);
        const loose = upTo[at - 1] as number;
        if (loose >= 0) score = loose + here;
        const row = exact[at - 1] as number;
        if (index > 0 && row >= 0) score = Math.max(score, row + here + IN_A_ROW);
      }
      nextExact[at] = score;
      nextUpTo[at] = Math.max(nextUpTo[at - 1] as number, score);
    }
    upTo = nextUpTo;
    exact = nextExact;
  }
  return upTo[width] as number;
}

/** Where the letters of a query are in a path, for showing them; the first places from the base name on, else from the beginning. */
export function fuzzyPlaces(
  path: string,
  { words }: FuzzyQuery,
): readonly (readonly [from: number, to: number])[] {
  const lower = path.toLowerCase();
  if (lower.length !== path.length) return [];
  const places = new Set<number>();
  for (const word of words) {
    const base = path.lastIndexOf('/') + 1;
    const whole = lower.indexOf(word.lower, word.wholePath ? 0 : base);
    let at = whole >= 0 ? whole : !word.wholePath && isSubsequence(lower, base, word.lower) ? base : 0;
    for (let index = 0; index < word.lower.length; index++) {
      at = lower.indexOf(word.lower[index] as string, at);
      if (at < 0) break;
      places.add(at++);
    }
  }
  const ranges: [number, number][] = [];
  for (const at of [...places].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === at) last[1]++;
    else ranges.push([at, at + 1]);
  }
  return ranges;
}
