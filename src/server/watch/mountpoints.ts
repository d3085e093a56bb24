import { EVENT_COMPARED } from '../../protocol/livemount';
import type { Seen } from './backend';
import { type BytePath, nameOf, parentOf } from './bytePath';
import { type Change, Kind } from './change';
import { DT, entryCode, NO_INO, typeOfMode } from './entries';
import type { Shadow } from './shadow';

/** Another mount came to stand on `path`: what lies beneath is not to be seen. */
export async function cover(shadow: Shadow, path: BytePath): Promise<void> {
  const node = shadow.find(path);
  if (node === shadow.root) return;
  if (node !== undefined) shadow.drop(node);
  const parent = shadow.find(parentOf(path));
  if (parent?.entries === undefined || parent.entries.get(nameOf(path)) !== undefined) return;
  // Made and mounted on before anybody looked. It must be there, and be what is mounted on it: a directory or a file.
  const seen = await shadow.stat(path);
  if (seen === undefined || seen.mode === 0) return;
  parent.entries.set(nameOf(path), entryCode(NO_INO, typeOfMode(seen.mode)));
  shadow.host.tell(mountpointMade(path, seen, EVENT_COMPARED));
}

/** The mount on `path` went: what lies beneath is there again. */
export async function uncover(shadow: Shadow, path: BytePath): Promise<void> {
  const parent = shadow.find(parentOf(path));
  const name = nameOf(path);
  const known = parent?.dirs?.get(name);
  if (parent === undefined || known?.entries !== undefined) return;
  const seen = await shadow.stat(path);
  if (seen === undefined || seen.isElsewhere) return;
  const type = typeOfMode(seen.mode);
  if (parent.entries?.get(name) !== undefined) parent.entries.set(name, entryCode(seen.ino, type));
  if (type === DT.DIR) await shadow.scanner.grow(known ?? parent.adopt(name), 'tell-compared');
}

/** That a mountpoint was made. What can be seen there is the root of the mount, so nothing is said of its version. */
export function mountpointMade(path: BytePath, { mode }: Seen, flags: number): Change {
  const version = { ino: 0n, size: 0n, mtime_ns: 0n, ctime_ns: 0n };
  const isDir = typeOfMode(mode) === DT.DIR;
  return { kind: Kind.CREATE, path, isDir, seen: { mode, version }, flags };
}
