import type { DirectoryEntry } from '../../client/vfs';

/** What somebody types as a path, taken apart: the folder to look in, and the beginning of a name in it. */
export interface TypedPath {
  /** Absolute, without `.`, `..` and a `/` at its end. */
  readonly folder: string;
  readonly leaf: string;
  /** What stands in front of the name, as it was typed. */
  readonly before: string;
}

/** `~` and `~/x` are below the home, `/x` is absolute, anything else is below the current folder. */
export function readTypedPath(value: string, current: string, home: string): TypedPath {
  const text = value === '~' || value === '..' || value.endsWith('/..') ? `${value}/` : value;
  const slash = text.lastIndexOf('/');
  const before = text.slice(0, slash + 1);
  const leaf = text.slice(slash + 1);
  if (before.startsWith('/')) return { folder: resolved(before), leaf, before };
  if (before === '~/' || before.startsWith('~/')) {
    return { folder: resolved(`${home}/${before.slice(2)}`), leaf, before };
  }
  return { folder: resolved(`${current}/${before}`), leaf, before };
}

function resolved(path: string): string {
  const names: string[] = [];
  for (const name of path.split('/')) {
    if (name === '..') names.pop();
    else if (name !== '' && name !== '.') names.push(name);
  }
  return `/${names.join('/')}`;
}

export function below(folder: string, name: string): string {
  return folder === '/' ? `/${name}` : `${folder}/${name}`;
}

/** The folders among the entries, by name, hidden ones last: in most homes they are dozens, and seldom meant. */
export function foldersOf(entries: readonly DirectoryEntry[]): readonly DirectoryEntry[] {
  return entries
    .filter(({ kind }) => kind === 'directory')
    .sort((a, b) => Number(isHidden(a.name)) - Number(isHidden(b.name)) || a.name.localeCompare(b.name));
}

/**
 * The folders that what was typed may mean, the likeliest first: those that begin with it, in the same case and then in any,
 * and then those that hold it. Hidden ones only when a dot was typed.
 */
export function matching(folders: readonly DirectoryEntry[], leaf: string): readonly DirectoryEntry[] {
  if (leaf === '') return folders;
  const small = leaf.toLowerCase();
  const rank = ({ name }: DirectoryEntry): number => {
    if (isHidden(name) && !isHidden(leaf)) return 0;
    if (name === leaf) return 4;
    if (name.startsWith(leaf)) return 3;
    if (name.toLowerCase().startsWith(small)) return 2;
    return name.toLowerCase().includes(small) ? 1 : 0;
  };
  return folders.filter((one) => rank(one) > 0).sort((a, b) => rank(b) - rank(a));
}

/** What Tab makes of what was typed: the only match and a slash, or what all that begin with it have in common. */
export function completed(typed: TypedPath, matches: readonly DirectoryEntry[]): string | undefined {
  const small = typed.leaf.toLowerCase();
  const names = matches.map(({ name }) => name).filter((name) => name.toLowerCase().startsWith(small));
  const [first] = names;
  if (first === undefined) return undefined;
  if (names.length === 1) return `${typed.before}${first}/`;
  let common = first;
  for (const name of names) while (!name.startsWith(common)) common = common.slice(0, -1);
  return common.length > typed.leaf.length ? `${typed.before}${common}` : undefined;
}

function isHidden(name: string): boolean {
  return name.startsWith('.');
}
