import type { FindQuery } from '../../protocol/find';

/** What somebody searches for, as the input has it. */
export interface Wanted {
  readonly pattern: string;
  readonly isRegex: boolean;
  readonly matchCase: boolean;
  readonly wholeWord: boolean;
  readonly ignoreFiles: boolean;
  /** Globs separated by commas; `!` before one leaves out. */
  readonly files: string;
}

export const NOTHING_WANTED: Wanted = {
  pattern: '',
  isRegex: false,
  matchCase: false,
  wholeWord: false,
  ignoreFiles: true,
  files: '',
};

/** Matches of one search that a tree can hold, as in the editor's own. */
const RESULTS_MAX = 20_000;

/**
 * The query for the host. The editor's own settings leave out as for its search.
 *
 * @param excludes globs of `files.exclude` and `search.exclude`
 */
export function queryOf(wanted: Wanted, excludes: readonly string[]): FindQuery {
  const { pattern, isRegex, matchCase, wholeWord, ignoreFiles } = wanted;
  return {
    pattern,
    isRegex,
    matchCase,
    wholeWord,
    // As in the editor: who writes a line end means one.
    multiline: isRegex && /\\n|\n/.test(pattern),
    ignoreFiles,
    hidden: true,
    latin1: false,
    ranked: false,
    results: RESULTS_MAX,
    globs: [...excludes.map((glob) => `!${glob}`), ...globsIn(wanted.files)],
  };
}

/** Globs in a list; a name without a slash or a star means files and folders of that name at any depth. */
export function globsIn(list: string): string[] {
  const globs: string[] = [];
  let depth = 0;
  let glob = '';
  for (const char of `${list},`) {
    if (char === ',' && depth === 0) {
      if (glob.trim() !== '') globs.push(glob.trim().replace(/^(!?)\.\//, '$1/'));
      glob = '';
      continue;
    }
    if (char === '{') depth++;
    if (char === '}') depth = Math.max(0, depth - 1);
    glob += char;
  }
  return globs;
}

/** The globs that a setting like `files.exclude` leaves out; conditions on siblings are beyond a search. */
export function excludedBy(...settings: readonly unknown[]): string[] {
  const globs = settings.flatMap((value) =>
    typeof value === 'object' && value !== null
      ? Object.entries(value).flatMap(([glob, on]) => (on === true && isReadable(glob) ? [glob] : []))
      : [],
  );
  return [...new Set(globs)].slice(0, 200);
}

/** A glob that the host could not read would keep it from searching at all. */
function isReadable(glob: string): boolean {
  const count = (char: string) => glob.split(char).length;
  return glob.length < 500 && count('{') === count('}') && count('[') === count(']');
}
