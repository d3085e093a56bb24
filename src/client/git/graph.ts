import type { Commit } from './log';

/** One row of the graph beside a commit. */
export interface GraphRow {
  readonly commit: Commit;
  /** The column its dot stands in. */
  readonly column: number;
  /** What is drawn, with one character and a space a column. */
  readonly text: string;
}

/** More columns tell nobody anything. */
const MAX_COLUMNS = 12;

/**
 * The graph of commits in the order git lists them (a child before its parents), as text: a dot in the commit's column, a
 * line in each column that waits for a parent further down.
 */
export function graphOf(commits: readonly Commit[]): GraphRow[] {
  /** What each column waits for. */
  const waiting: (string | undefined)[] = [];
  return commits.map((commit) => {
    let column = waiting.indexOf(commit.oid);
    if (column === -1) column = free(waiting);
    const joined: number[] = [];
    waiting.forEach((oid, at) => {
      if (oid === commit.oid && at !== column) joined.push(at);
    });
    for (const at of joined) waiting[at] = undefined;
    const [first, ...others] = commit.parents;
    waiting[column] = first;
    const opened: number[] = [];
    for (const parent of others) {
      if (waiting.includes(parent)) continue;
      const at = free(waiting);
      waiting[at] = parent;
      opened.push(at);
    }
    const width = Math.min(MAX_COLUMNS, Math.max(waiting.length, column + 1, ...joined.map((at) => at + 1)));
    const cells: string[] = [];
    for (let at = 0; at < width; at++) {
      if (at === column) cells.push(others.length > 0 ? '◉' : '●');
      else if (joined.includes(at)) cells.push('╯');
      else if (opened.includes(at)) cells.push('╮');
      else cells.push(waiting[at] === undefined ? ' ' : '│');
    }
    while (waiting.length > 0 && waiting.at(-1) === undefined) waiting.pop();
    return { commit, column, text: cells.join(' ').trimEnd() };
  });
}

function free(waiting: (string | undefined)[]): number {
  const at = waiting.indexOf(undefined);
  if (at !== -1) return at;
  waiting.push(undefined);
  return waiting.length - 1;
}
