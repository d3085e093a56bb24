import { Minimatch } from 'minimatch';
import { BoundedMap } from '../base/boundedMap';
import { isBelow, relativeTo } from './paths';

/** Globs of one mark at most: each event is held against all of them. */
export const EXCLUDES_MAX = 256;
/** Characters of one glob at most. */
export const EXCLUDE_LENGTH_MAX = 1024;
/** Patterns that the braces of one mark's globs may stand for, all together. */
export const EXCLUDE_PATTERNS_MAX = 1024;

/** Answers remembered at most; directories repeat, files hardly do. */
const REMEMBERED_MAX = 2048;

/** No name of a file: stands for "anything in this directory". */
const ANYTHING = '\u0001';

/** Means the same on every platform; dotfiles are files, and no first character is syntax. */
const OPTIONS = {
  dot: true,
  nocomment: true,
  nonegate: true,
  platform: 'linux',
  // One more than may be: so that what is cut off is known.
  braceExpandMax: EXCLUDE_PATTERNS_MAX + 1,
} as const;

/**
 * What a mark leaves out: globs (minimatch) relative to the path that is marked. What one matches is left out, and with
 * it everything below.
 */
export class Excludes {
  private readonly matchers: readonly Minimatch[];
  private readonly remembered = new BoundedMap<string, boolean>(REMEMBERED_MAX);

  private constructor(
    readonly patterns: readonly string[],
    matchers: readonly Minimatch[],
  ) {
    this.matchers = matchers;
  }

  /** Undefined: more or larger globs than a mark may have, or braces that stand for more. */
  static compile(globs: readonly string[]): Excludes | undefined {
    const { excludes, refused } = Excludes.compileThose(globs);
    return refused.length === 0 ? excludes : undefined;
  }

  /** The globs that are within the bounds, and those that are not: what these would leave out is not left out. */
  static compileThose(globs: readonly string[]): { excludes: Excludes; refused: readonly string[] } {
    const kept: string[] = [];
    const matchers: Minimatch[] = [];
    const refused: string[] = [];
    let left = EXCLUDE_PATTERNS_MAX;
    for (const glob of globs) {
      const matcher = kept.length < EXCLUDES_MAX ? matcherOf(glob) : undefined;
      if (matcher === undefined || matcher.globSet.length > left) refused.push(glob);
      else {
        left -= matcher.globSet.length;
        kept.push(glob);
        matchers.push(matcher);
      }
    }
    return { excludes: new Excludes(kept, matchers), refused };
  }

  /** The path (relative to what is marked, '' is that itself) or a directory above it is matched. */
  match(path: string): boolean {
    if (this.matchers.length === 0 || path === '') return false;
    const slash = path.lastIndexOf('/');
    if (slash > 0 && this.matchDirectory(path.slice(0, slash))) return true;
    return this.matchers.some((matcher) => matcher.match(path));
  }

  /** All that lies in a directory may be matched, because of a pattern that ends in '/**': it is not watched whole. */
  matchBelow(path: string): boolean {
    return this.match(path) || this.match(path === '' ? ANYTHING : `${path}/${ANYTHING}`);
  }

  private matchDirectory(path: string): boolean {
    const known = this.remembered.get(path);
    if (known !== undefined) return known;
    const result = this.match(path);
    this.remembered.set(path, result);
    return result;
  }
}

function matcherOf(glob: string): Minimatch | undefined {
  if (glob.length > EXCLUDE_LENGTH_MAX) return undefined;
  try {
    const matcher = new Minimatch(glob, OPTIONS);
    return matcher.globSet.length > EXCLUDE_PATTERNS_MAX ? undefined : matcher;
  } catch (error) {
    // minimatch has bounds of its own.
    if (error instanceof RangeError || error instanceof TypeError) return undefined;
    throw error;
  }
}

/** Globs relative to `root` from globs that are relative to it or absolute; absolute ones elsewhere say nothing here. */
export function relativePatterns(patterns: readonly string[], root: string): string[] {
  return patterns.flatMap((pattern) => {
    if (!pattern.startsWith('/')) return [pattern];
    const below = patternBelow(pattern, root);
    return below === undefined ? [] : [below];
  });
}

/** What a glob says from a directory on that it begins with, as it is or escaped; undefined: it begins with another. */
export function patternBelow(pattern: string, directory: string): string | undefined {
  for (const start of [directory, escapeGlob(directory)])
    if (isBelow(pattern, start)) return relativeTo(pattern, start);
  return undefined;
}

/** A glob that matches a path and nothing else. */
export function escapeGlob(path: string): string {
  return path.replace(/[*?[\]{}()!+@|,\\]/g, '\\$&');
}
