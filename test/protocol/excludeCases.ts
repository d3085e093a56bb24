/** One table of what globs mean, for all who match them: those of a mark on /w, and a path below it. */
export interface ExcludeCase {
  readonly globs: readonly string[];
  /** Relative to the mark. */
  readonly path: string;
  readonly excluded: boolean;
}

function cases(
  globs: readonly string[],
  excluded: readonly string[],
  kept: readonly string[],
): ExcludeCase[] {
  return [
    ...excluded.map((path) => ({ globs, path, excluded: true })),
    ...kept.map((path) => ({ globs, path, excluded: false })),
  ];
}

export const EXCLUDE_CASES: readonly ExcludeCase[] = [
  ...cases(
    ['**/node_modules/*/**'],
    ['node_modules/a/b', 'x/node_modules/a/b/c'],
    ['node_modules', 'node_modules/a'],
  ),
  ...cases(['.git/objects/**'], ['.git/objects/pack/x'], ['.git/HEAD', '.git', 'sub/.git/objects/x']),
  ...cases(['*.log'], ['a.log', '.log', 'a.log/below'], ['sub/a.log', 'a.logs']),
  ...cases(['build'], ['build', 'build/deep/file'], ['building', 'sub/build', '']),
  // A first character is a part of the name, and a backslash takes away what another one means.
  ...cases(['!important', '#notes'], ['!important', '#notes'], ['other', 'important']),
  ...cases(['a\\*b', 'x\\{y\\}'], ['a*b', 'x{y}'], ['aXb', 'xy', 'a\\b']),
  ...cases(['{a,b}{c,d}/**', 'n{1..3}'], ['ac/x', 'bd/x', 'n2'], ['ab/x', 'n4']),
  ...cases(['[ab]?', 'ü*'], ['a1', 'bü', 'über'], ['c1', 'a', 'u']),
  // Absolute ones count if they lie below the mark, escaped or not.
  ...cases(['/w/out/**', '/elsewhere/**', '/w\\*/x'], ['out/a'], ['elsewhere/a', 'a', 'x', 'w/out/a']),
];
