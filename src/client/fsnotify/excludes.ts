import { patternBelow } from '../../protocol/excludes';

/**
 * The globs of a root as they read from a directory `below` it (relative to the root). Those that can't be said there
 * are left out: the host then tells more than was asked for, and the group drops it.
 */
export function rebase(patterns: readonly string[], below: string): string[] {
  if (below === '') return [...patterns];
  return patterns.flatMap((pattern) => {
    if (pattern.startsWith('**/')) return [pattern];
    const rest = patternBelow(pattern, below);
    return rest === undefined ? [] : [rest];
  });
}
