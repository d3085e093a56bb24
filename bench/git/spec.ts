/** What the editor's own git extension is asked to do, and what it took. */
export interface Spec {
  /** The work tree as the editor sees it. */
  readonly root: string;
  /** The same folder as the host sees it, where changes are made. */
  readonly changedAt: string;
  readonly repetitions: number;
  /** New files to stage at once, relative to the root; they are there. */
  readonly stage: readonly string[];
  readonly report: string;
  /** How long the view may take to follow before it counts as not following, in ms. */
  readonly patience: number;
}

/** All in ms; undefined: not within the patience. */
export interface Took {
  readonly follow: (number | undefined)[];
  readonly refresh: (number | undefined)[];
  readonly diff: (number | undefined)[];
  readonly stage: (number | undefined)[];
  readonly error?: string;
}

export const SPEC_VARIABLE = 'LIVEMOUNT_BENCH_GIT';
/** The tracked file that is changed. */
export const CHANGED = 'd0/f0.txt';

/** Resolves with the ms until the condition holds, looked at whenever `on` calls back and at short intervals. */
export async function until(condition: () => boolean, patience: number): Promise<number | undefined> {
  const began = performance.now();
  while (!condition()) {
    if (performance.now() - began > patience) return undefined;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return performance.now() - began;
}
