import { Minimatch } from 'minimatch';
import { isBelow, relativeTo } from '../../protocol/paths';

/** Answers remembered at most; directories repeat, files hardly do. */
const REMEMBERED_MAX = 2048;

/**
 * Globs (minimatch, dotfiles included) relative to a root. What one matches is excluded, and with it everything below.
 */
export class Excludes {
  private readonly matchers: readonly Minimatch[];
  private readonly remembered = new Map<string, boolean>();

  constructor(readonly patterns: readonly string[]) {
    this.matchers = patterns.map(
      (pattern) => new Minimatch(pattern, { dot: true, nocomment: true, nonegate: true }),
    );
  }

  /** The path (relative to the root, '' is the root itself) or a directory above it is matched. */
  match(path: string): boolean {
    if (this.matchers.length === 0 || path === '') return false;
    const slash = path.lastIndexOf('/');
    if (slash > 0 && this.matchDirectory(path.slice(0, slash))) return true;
    return this.matchers.some((matcher) => matcher.match(path));
  }

  /** Something below the directory may be matched because of a pattern that ends in '/**': its listing is not watched whole. */
  matchBelow(path: string): boolean {
    return this.match(path) || this.match(path === '' ? 'x' : `${path}/x`);
  }

  private matchDirectory(path: string): boolean {
    const known = this.remembered.get(path);
    if (known !== undefined) return known;
    const result = this.match(path);
    if (this.remembered.size >= REMEMBERED_MAX) this.remembered.clear();
    this.remembered.set(path, result);
    return result;
  }
}

/** Globs relative to `root` from globs that are relative to it or absolute; absolute ones elsewhere say nothing here. */
export function relativePatterns(patterns: readonly string[], root: string): string[] {
  return patterns.flatMap((pattern) => {
    if (!pattern.startsWith('/')) return [pattern];
    return isBelow(pattern, root) ? [relativeTo(pattern, root)] : [];
  });
}

/**
 * The globs of a root as they read from a directory `below` it (relative to the root). Those that can't be said there
 * are left out: the host then tells more than was asked for, and the group drops it.
 */
export function rebase(patterns: readonly string[], below: string): string[] {
  if (below === '') return [...patterns];
  return patterns.flatMap((pattern) => {
    if (pattern.startsWith('**/')) return [pattern];
    return pattern.startsWith(`${below}/`) ? [pattern.slice(below.length + 1)] : [];
  });
}
