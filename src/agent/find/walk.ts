import { type Dirent, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { IGNORE_FILES, IgnoreChain, type IgnoreFile, Rules, type Selection } from './ignore';

export interface WalkOptions {
  /** Absolute, as latin1: where the search began. */
  readonly root: string;
  /** Where this walk begins: below the root, '' for that itself. */
  readonly part: string;
  readonly selection: Selection;
  readonly hidden: boolean;
  /** Ignore files are honoured; those above the part are not looked at. */
  readonly ignoreFiles: boolean;
  /** A folder of the part to begin with instead, and the ignore files that count above it. */
  readonly from?: { readonly path: string; readonly chain: IgnoreChain | undefined };
  /** Folders below the root that are not entered: other filesystems are mounted there. */
  readonly others: ReadonlySet<string>;
}

/** Something that could not be looked at. */
export interface Unreadable {
  /** Below the root. */
  readonly path: string;
  readonly code: string;
}

/** Ignore files above this are not read. */
const IGNORE_BYTES_MAX = 1 << 20;
/** Folders deeper than that are left out: a path that long can be neither shown nor opened. */
const DEPTH_MAX = 200;

/**
 * Walks a part of a tree, one folder at a time, in one filesystem, and gives its regular files: paths below the root, as
 * latin1. Links are not followed. It works synchronously and is made for a process of its own.
 */
export function* walk(options: WalkOptions, unreadable: (what: Unreadable) => void): Generator<string> {
  const { root, part, selection, others } = options;
  const start = options.from ?? { path: part, chain: undefined };
  const device = deviceOf(absolute(root, start.path));
  const stack: { readonly path: string; readonly chain: IgnoreChain | undefined; readonly depth: number }[] =
    [{ path: part, chain: undefined, depth: 0 }];
  for (let folder = stack.pop(); folder !== undefined; folder = stack.pop()) {
    const { path, depth } = folder;
    let entries: Dirent[];
    try {
      if (path !== start.path && deviceOf(absolute(root, path)) !== device) continue;
      entries = readdirSync(Buffer.from(absolute(root, path), 'latin1'), {
        withFileTypes: true,
        encoding: 'latin1',
      });
    } catch (error) {
      unreadable({ path, code: codeOf(error) });
      continue;
    }
    const chain = options.ignoreFiles ? chainAt(root, part, path, folder.chain, entries) : undefined;
    const below: typeof stack = [];
    for (const entry of entries) {
      const child = path === '' ? entry.name : `${path}/${entry.name}`;
      const isFolder = entry.isDirectory();
      if (!isFolder && !entry.isFile() && !isUntyped(entry)) continue;
      if (others.has(child) || !isWanted(child, entry.name, isFolder, selection, options.hidden, chain, part))
        continue;
      const kind = isUntyped(entry) ? kindOf(absolute(root, child)) : isFolder ? 'folder' : 'file';
      if (kind === 'file') yield child;
      else if (kind === 'folder' && depth < DEPTH_MAX) below.push({ path: child, chain, depth: depth + 1 });
    }
    for (let at = below.length - 1; at >= 0; at--) stack.push(below[at] as (typeof stack)[number]);
  }
}

/** What a walk takes of what it meets: the globs first, then ignore files, then whether it is hidden. */
export function isWanted(
  path: string,
  name: string,
  isFolder: boolean,
  selection: Selection,
  hidden: boolean,
  chain: IgnoreChain | undefined,
  part: string,
): boolean {
  const selected = selection.verdict(path, isFolder);
  if (selected !== undefined) return selected === 'taken';
  const verdict = chain?.verdict(part === '' ? path : path.slice(part.length + 1), isFolder);
  if (verdict !== undefined) return verdict === 'taken';
  return hidden || !name.startsWith('.');
}

/** The ignore files that count in a folder. */
export function chainAt(
  root: string,
  part: string,
  path: string,
  above: IgnoreChain | undefined,
  entries: readonly { readonly name: string }[],
): IgnoreChain | undefined {
  const rules = new Map<IgnoreFile, Rules>();
  for (const kind of IGNORE_FILES) {
    if (!entries.some(({ name }) => name === kind)) continue;
    const read = rulesIn(`${absolute(root, path)}/${kind}`);
    if (read !== undefined && !read.isEmpty) rules.set(kind, read);
  }
  if (rules.size === 0) return above;
  const folder = part === '' ? path : path.slice(part.length + 1);
  return new IgnoreChain(above, folder, rules);
}

function rulesIn(path: string): Rules | undefined {
  const file = Buffer.from(path, 'latin1');
  try {
    const stat = lstatSync(file);
    // A pipe would keep us waiting.
    if (!stat.isFile() || stat.size > IGNORE_BYTES_MAX) return undefined;
    return Rules.of(readFileSync(file, 'latin1'));
  } catch {
    return undefined; // Gone or closed to us: it says nothing.
  }
}

/**
 * The ignore files above a path, if a walk of the part comes to it; undefined if it does not. They are read now: whoever asks
 * must be allowed to wait for the filesystem.
 */
export function wayTo(
  path: string,
  isFolder: boolean,
  { root, selection, hidden, ignoreFiles }: Omit<WalkOptions, 'part' | 'others' | 'from'>,
): { readonly chain: IgnoreChain | undefined } | undefined {
  const names = path.split('/');
  let chain: IgnoreChain | undefined;
  let above = '';
  for (const [index, name] of names.entries()) {
    if (ignoreFiles) chain = chainAt(root, '', above, chain, EVERY_IGNORE_FILE);
    above = above === '' ? name : `${above}/${name}`;
    const folder = index < names.length - 1 || isFolder;
    if (!isWanted(above, name, folder, selection, hidden, chain, '')) return undefined;
  }
  return { chain };
}

/** As if a listing had named them: whether they are there, reading shows. */
const EVERY_IGNORE_FILE = IGNORE_FILES.map((name) => ({ name }));

export function absolute(root: string, path: string): string {
  return path === '' ? root : root === '/' ? `/${path}` : `${root}/${path}`;
}

function deviceOf(path: string): number {
  return lstatSync(Buffer.from(path, 'latin1')).dev;
}

/** Filesystems that do not say the type in a listing. */
function isUntyped(entry: Dirent): boolean {
  return !(
    entry.isFile() ||
    entry.isDirectory() ||
    entry.isSymbolicLink() ||
    entry.isFIFO() ||
    entry.isSocket() ||
    entry.isCharacterDevice() ||
    entry.isBlockDevice()
  );
}

function kindOf(path: string): 'file' | 'folder' | undefined {
  try {
    const stat = lstatSync(Buffer.from(path, 'latin1'));
    return stat.isFile() ? 'file' : stat.isDirectory() ? 'folder' : undefined;
  } catch {
    return undefined; // Gone since it was listed.
  }
}

export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'EIO';
}
