/**
 * Absolute paths in text form (names.ts): '/' alone is the root, no other path ends in '/', and no name in
 * one is empty, '.' or '..'.
 */
import type { Brand } from './brand';
import { ErrnoError } from './errno';

/** An absolute path in its one spelling: two that mean the same names are equal. Made where a path comes in, by `normalize`. */
export type RemotePath = Brand<string, 'RemotePath'>;

export const ROOT_PATH = '/' as RemotePath;

/** The names of a path, with '.' and empty ones gone and '..' resolved by text; EINVAL for a relative path. */
export function namesOf(path: string): string[] {
  if (!path.startsWith('/')) throw new ErrnoError('EINVAL', `${path} is not an absolute path`);
  const names: string[] = [];
  for (const name of path.split('/')) {
    if (name === '' || name === '.') continue;
    if (name === '..') names.pop();
    else names.push(name);
  }
  return names;
}

/** The one spelling of a path; EINVAL for a relative one. */
export function normalize(path: string): RemotePath {
  return `/${namesOf(path).join('/')}` as RemotePath;
}

/** The path of what lies at `name`, one or more names, below a directory; '' is the directory itself. */
export function join(directory: RemotePath, name: string): RemotePath {
  if (name === '') return directory;
  return (directory === '/' ? `/${name}` : `${directory}/${name}`) as RemotePath;
}

/** The directory that holds a path; the root holds itself. */
export function parentOf(path: RemotePath): RemotePath {
  const slash = path.lastIndexOf('/');
  return slash <= 0 ? ROOT_PATH : (path.slice(0, slash) as RemotePath);
}

export function baseOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** `path` is `root` or lies below it. */
export function isWithin(path: string, root: string): boolean {
  return path === root || isBelow(path, root);
}

/** `path` lies strictly below `root`. */
export function isBelow(path: string, root: string): boolean {
  if (root === '/') return path !== '/';
  return path.length > root.length && path.startsWith(root) && path[root.length] === '/';
}

/** The part of `path` behind `root`, without a leading '/'; empty for the root itself. */
export function relativeTo(path: string, root: string): string {
  if (path === root) return '';
  return path.slice(root === '/' ? 1 : root.length + 1);
}

/** A path and the directories above it, from the path up to '/'. */
export function* upwards(path: RemotePath): Generator<RemotePath, void, void> {
  for (let at = path; ; at = parentOf(at)) {
    yield at;
    if (at === '/') return;
  }
}
