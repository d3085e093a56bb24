import { lstatSync } from 'node:fs';
import { IGNORE_FILES, Selection } from './ignore';
import { NameList } from './nameList';
import type { NameChange, NamesCommand, NamesOpening, NamesReport } from './namesJob';
import { absolute, walk, wayTo } from './walk';

/** The process that keeps lists of names and ranks them: half a million names take memory and time that the daemon needs. */
export function runNamesProcess(): void {
  const lists = new Map<number, KeptList>();
  const tell = (report: NamesReport) => process.send?.(report);
  process.on('message', (command: NamesCommand) => {
    const list = lists.get(command.list);
    if ('open' in command) lists.set(command.list, new KeptList(command.open));
    else if ('add' in command) for (const path of command.add) list?.names.add(path);
    else if ('changes' in command) {
      if (list?.take(command.changes)) tell({ stale: command.list });
    } else if ('close' in command) lists.delete(command.list);
    else {
      const names = list?.names.ranked(command.pattern, command.count) ?? [];
      const { size = 0, isFull: full = false } = list?.names ?? {};
      tell({ question: command.question, names, size, full });
    }
  });
  process.on('disconnect', () => process.exit());
}

export class KeptList {
  readonly names: NameList;
  private readonly selection: Selection;

  constructor(private readonly opening: NamesOpening) {
    this.names = new NameList(opening.most);
    const selection = Selection.of(opening.globs);
    if (!(selection instanceof Selection)) throw new Error(`the glob ${selection.bad} cannot be read`);
    this.selection = selection;
  }

  /** Brings the list up to date; true if what is left out may have changed by it. */
  take(changes: readonly NameChange[]): boolean {
    let stale = false;
    for (const change of changes) {
      const name = change.path.slice(change.path.lastIndexOf('/') + 1);
      if (this.opening.ignoreFiles && IGNORE_FILES.some((file) => file === name)) stale = true;
      if (change.kind === 'gone') this.names.removeTree(change.path);
      else this.appeared(change);
    }
    return stale;
  }

  private appeared({ path, isFolder, mayLook }: NameChange): void {
    const { root, hidden, ignoreFiles } = this.opening;
    const { selection } = this;
    const way = wayTo(path, isFolder, { root, selection, hidden, ignoreFiles: ignoreFiles && mayLook });
    if (way === undefined) return;
    if (!isFolder) {
      if (!mayLook || isRegular(absolute(root, path))) this.names.add(path);
      return;
    }
    if (!mayLook) return;
    const options = { root, part: '', selection, hidden, ignoreFiles, others: new Set<string>() };
    const from = { path, chain: way.chain };
    try {
      for (const found of walk({ ...options, from }, () => {})) this.names.add(found);
    } catch {
      // It is gone again, and that is told as well.
    }
  }
}

function isRegular(path: string): boolean {
  try {
    return lstatSync(Buffer.from(path, 'latin1')).isFile();
  } catch {
    return false; // Gone again.
  }
}

// From source (in tests) this file is the process's program.
if (__filename.endsWith('namesProcess.ts') && process.argv[1] === __filename) runNamesProcess();
