import type { Stamp } from '../cache/invalidations';
import type { Subject } from '../cache/policy';
import type { Dentry } from './dentries';
import { Errno } from '../../protocol/errno';
import { WALK_LINKS_MAX } from '../../protocol/livemount';
import { type Inode, isDirectory, isSymlink } from './inodes';
import { join, type RemotePath, ROOT_PATH } from '../../protocol/paths';

/** The dentry of an inode. */
export type PositiveDentry = Dentry & { readonly inode: Inode };

/** Where a walk over the cached names came to. */
export type Outcome =
  | {
      readonly kind: 'found';
      readonly dentry: PositiveDentry;
      readonly path: RemotePath;
      readonly link?: PositiveDentry;
    }
  /**
   * A name is known not to be there, and would be at `path`; what was looked for at `whole`. `parent`: the directory that
   * would hold it, if it is the last one.
   */
  | {
      readonly kind: 'absent';
      readonly parent: Dentry | undefined;
      readonly name: string;
      readonly path: RemotePath;
      readonly whole: RemotePath;
      readonly link?: PositiveDentry;
    }
  | { readonly kind: 'error'; readonly errno: number; readonly link?: PositiveDentry }
  /** From here on the host must be asked for `rest`. */
  | { readonly kind: 'missing'; readonly from: PositiveDentry; readonly rest: readonly string[] };

/** Says whether something cached may be used for a path. */
export type Usable = (
  cached: { readonly stamp: Stamp; readonly crossed: boolean },
  path: RemotePath,
  subject: Subject,
) => boolean;

/**
 * Walks names over what is cached, as path_resolution(7) says, following links on the way and with `follow` at the
 * end. `link` is the last name's own dentry where that is a link which was followed; `followed` takes the paths of all links
 * on the way, in order.
 */
export function resolve(
  root: Dentry,
  names: readonly string[],
  follow: boolean,
  usable: Usable,
  followed: RemotePath[] = [],
): Outcome {
  let at = root as PositiveDentry;
  let path = ROOT_PATH;
  let rest = [...names];
  let links = 0;
  let link: PositiveDentry | undefined;
  const withLink = () => link && { link };
  const absent = (name: string): Outcome => {
    const parent = rest.length === 1 ? at : undefined;
    const whole = join(path, rest.filter((one) => one !== '' && one !== '.').join('/'));
    return { kind: 'absent', parent, name, path: join(path, name), whole, ...withLink() };
  };

  while (rest.length > 0) {
    const name = rest[0] as string;
    if (name === '' || name === '.') {
      rest.shift();
      continue;
    }
    if (!isDirectory(at.inode)) return { kind: 'error', errno: Errno.ENOTDIR, ...withLink() };
    if (name === '..') {
      rest.shift();
      at = (at.parent ?? root) as PositiveDentry;
      path = at.path;
      continue;
    }
    const childPath = join(path, name);
    const child = at.children.get(name);
    const isLast = rest.length === 1;
    if (child === undefined || !usable(child, childPath, 'entry')) {
      const { listing } = at;
      const isAbsent = listing !== undefined && !listing.names.has(name) && usable(listing, path, 'names');
      return isAbsent ? absent(name) : { kind: 'missing', from: at, rest };
    }
    const { inode } = child;
    if (inode === undefined) return absent(name);
    if (isSymlink(inode) && (!isLast || follow)) {
      if (inode.target === undefined) return { kind: 'missing', from: at, rest };
      if (++links > WALK_LINKS_MAX) return { kind: 'error', errno: Errno.ELOOP, ...withLink() };
      followed.push(childPath);
      if (isLast) link ??= child as PositiveDentry;
      rest = [...inode.target.split('/'), ...rest.slice(1)];
      // Names that mean nothing at the end would hide which one is the last.
      while (rest.length > 0 && (rest.at(-1) === '' || rest.at(-1) === '.')) rest.pop();
      if (inode.target.startsWith('/')) {
        at = root as PositiveDentry;
        path = ROOT_PATH;
      }
      continue;
    }
    rest.shift();
    at = child as PositiveDentry;
    path = childPath;
  }
  return { kind: 'found', dentry: at, path, ...withLink() };
}
