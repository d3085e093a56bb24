/** What a git can do: each row is the version that brought it. */
const since = {
  /** Reads paths from standard input (`add`, `checkout`, `stash`; `reset` and `commit` one version earlier). */
  pathspecFromFile: [2, 26],
  /** `status --porcelain=v2 --show-stash` has a stash line. */
  stashHeader: [2, 35],
  /** `stash push --staged`. */
  stashStaged: [2, 35],
  /** `cherry-pick --skip` and `revert --skip`. */
  skipPick: [2, 23],
  /** `push --force-if-includes`. */
  forceIfIncludes: [2, 30],
} as const;

export type GitFeature = keyof typeof since;

/** The oldest git whose output and options the rest relies on. */
export const OLDEST_GIT: readonly [number, number] = [2, 20];

export class GitVersion {
  private constructor(
    readonly text: string,
    private readonly major: number,
    private readonly minor: number,
  ) {}

  /** From the words of `git --version`; undefined when they are not git's. */
  static parse(words: string): GitVersion | undefined {
    const match = /^git version ((\d{1,4})\.(\d{1,4})[\w.+~() -]{0,60})/.exec(words);
    return match
      ? new GitVersion((match[1] as string).trim(), Number(match[2]), Number(match[3]))
      : undefined;
  }

  has(feature: GitFeature): boolean {
    return this.atLeast(since[feature]);
  }

  atLeast([major, minor]: readonly [number, number]): boolean {
    return this.major > major || (this.major === major && this.minor >= minor);
  }
}
