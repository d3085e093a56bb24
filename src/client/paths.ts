/** Absolute paths in text form (names.ts): '/' alone is the root, no other path ends in '/'. */
import { ErrnoError } from '../protocol/errno';

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

export function normalize(path: string): string {
  return `/${namesOf(path).join('/')}`;
}

export function join(directory: string, name: string): string {
  if (name === '') return directory;
  return directory === '/' ? `/${name}` : `${directory}/${name}`;
}

/** The directory that holds a path; the root holds itself. */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash <= 0 ? '/' : path.slice(0, slash);
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
export function* upwards(path: string): Generator<string, void, void> {
  for (let at = path; ; at = parentOf(at)) {
    yield at;
    if (at === '/') return;
  }
}
