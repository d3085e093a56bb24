import type { Brand } from '../../protocol/brand';

/**
 * A name or path of the host with one character for each byte (latin1), so that names which are not UTF-8 stay exact
 * and the engine keeps a byte for a byte. Relative to its superblock's root unless said otherwise; '' is the root.
 */
export type BytePath = Brand<string, 'BytePath'>;

export const ROOT_PATH = '' as BytePath;

export function fromBytes(bytes: Buffer): BytePath {
  return bytes.toString('latin1') as BytePath;
}

export function toBytes(path: BytePath): Buffer {
  return Buffer.from(path, 'latin1');
}

export function joined(directory: BytePath, name: BytePath): BytePath {
  return (directory === '' ? name : `${directory}/${name}`) as BytePath;
}

/** The directory a path lies in; the root's is the root. */
export function parentOf(path: BytePath): BytePath {
  const slash = path.lastIndexOf('/');
  return (slash < 0 ? '' : path.slice(0, slash)) as BytePath;
}

export function nameOf(path: BytePath): BytePath {
  return path.slice(path.lastIndexOf('/') + 1) as BytePath;
}

/** Whether `path` is `ancestor` or lies below it. */
export function isWithin(path: BytePath, ancestor: BytePath): boolean {
  if (ancestor === '') return true;
  if (!path.startsWith(ancestor)) return false;
  return path.length === ancestor.length || path.charCodeAt(ancestor.length) === 47;
}

/** `path` as seen from `ancestor`, which it lies within. */
export function relativeTo(path: BytePath, ancestor: BytePath): BytePath {
  if (ancestor === '') return path;
  return path.slice(ancestor.length + 1) as BytePath;
}

/** An absolute path of the host. `base` is a mount point without the '/' at its end ('' for the host's root). */
export function absolute(base: BytePath, path: BytePath): BytePath {
  if (path === '') return (base === '' ? '/' : base) as BytePath;
  return `${base}/${path}` as BytePath;
}

/** The inverse: an absolute path below `base`; undefined if it lies elsewhere. */
export function belowBase(base: BytePath, path: BytePath): BytePath | undefined {
  if (base === '') return path.slice(1) as BytePath;
  return isWithin(path, base) ? relativeTo(path, base) : undefined;
}

/** A mount point as a base for `absolute`. */
export function baseOf(mountpoint: Buffer): BytePath {
  const path = fromBytes(mountpoint);
  return (path === '/' ? '' : path) as BytePath;
}

const NOT_ASCII = /[\x80-\xff]/;

/** A path as text, for globs and messages; bytes that are not UTF-8 become U+FFFD. */
export function asText(path: BytePath): string {
  return NOT_ASCII.test(path) ? Buffer.from(path, 'latin1').toString('utf8') : path;
}
