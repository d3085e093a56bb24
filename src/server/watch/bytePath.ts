import type { Brand } from '../../protocol/brand';

/**
 * A name or path of the host with one character for each byte (latin1), so that names which are not UTF-8 stay exact
 * and the engine keeps a byte for a byte. Relative to its superblock's root; '' is the root.
 */
export type BytePath = Brand<string, 'BytePath'>;

/** A path from the host's root on, of the same characters: what system calls take. */
export type AbsolutePath = Brand<string, 'AbsolutePath'>;

/** Where a superblock is mounted, without a '/' at its end: what a BytePath is put behind. */
export type BasePath = Brand<string, 'BasePath'>;

export const ROOT_PATH = '' as BytePath;

export function fromBytes(bytes: Buffer): BytePath {
  return bytes.toString('latin1') as BytePath;
}

export function absoluteFrom(bytes: Buffer): AbsolutePath {
  return bytes.toString('latin1') as AbsolutePath;
}

export function toBytes(path: BytePath | AbsolutePath): Buffer {
  return Buffer.from(path, 'latin1');
}

export function joined<P extends BytePath | AbsolutePath>(directory: P, name: BytePath): P {
  return ((directory as string) === '' ? name : `${directory}/${name}`) as P;
}

/** The directory a path lies in; the root's is the root. */
export function parentOf<P extends BytePath | AbsolutePath>(path: P): P {
  const slash = path.lastIndexOf('/');
  return (slash < 0 ? '' : path.slice(0, slash)) as P;
}

export function nameOf(path: BytePath | AbsolutePath): BytePath {
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

/** An absolute path of the host. */
export function absolute(base: BasePath, path: BytePath): AbsolutePath {
  if (path === '') return (base === '' ? '/' : base) as string as AbsolutePath;
  return `${base}/${path}` as AbsolutePath;
}

/** The inverse: an absolute path below `base`; undefined if it lies elsewhere. */
export function belowBase(base: BasePath, path: AbsolutePath): BytePath | undefined {
  if (base === '') return path.slice(1) as BytePath;
  const [whole, start] = [path, base] as readonly string[] as readonly [BytePath, BytePath];
  return isWithin(whole, start) ? relativeTo(whole, start) : undefined;
}

/** A mount point as a base for `absolute`. */
export function baseOf(mountpoint: Buffer): BasePath {
  const path = mountpoint.toString('latin1');
  return (path === '/' ? '' : path) as BasePath;
}

const NOT_ASCII = /[\x80-\xff]/;

/** A path as text, for globs and messages; bytes that are not UTF-8 become U+FFFD. */
export function asText(path: BytePath | AbsolutePath | BasePath): string {
  return NOT_ASCII.test(path) ? Buffer.from(path, 'latin1').toString('utf8') : path;
}
