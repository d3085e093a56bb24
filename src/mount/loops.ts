import { readFileSync } from 'node:fs';
import { bootIdText } from '../agent/processIdentity';
import { type MountinfoLine, parseMountinfo } from '../agent/posix/mountinfo';

/** A place on a machine that outlives names: a directory of a filesystem, wherever that is mounted. */
interface Position {
  /** major:minor */
  readonly filesystem: string;
  /** From the filesystem's own root, as latin1, so that any bytes are compared as they are. */
  readonly path: string;
}

/** Reads a file of the host; rejects where there is none. */
export type ReadHostFile = (path: string) => Promise<Buffer>;

const MOUNTINFO = '/proc/self/mountinfo';
const BOOT_ID = '/proc/sys/kernel/random/boot_id';

/**
 * Why a folder of the host can't be mounted at a directory here, in one sentence; undefined: it can. On one machine the
 * folder may hold the directory, or lie below it: the mount would be asked for itself, and nothing would ever be
 * answered. Both sides' tables of mounts say so, whatever names, links and bind mounts lead there.
 */
export async function whyLoops(
  read: ReadHostFile,
  served: Buffer,
  directory: Buffer,
): Promise<string | undefined> {
  const boot = await read(BOOT_ID).catch(() => undefined);
  // A host without these files is another machine: here they are.
  if (boot === undefined || boot.toString().trim() !== bootIdText()) return undefined;
  const there = parseMountinfo(await read(MOUNTINFO));
  const here = parseMountinfo(readFileSync(MOUNTINFO));
  return loopOf({ mounts: there, path: served }, { mounts: here, path: directory });
}

interface Place {
  readonly mounts: readonly MountinfoLine[];
  readonly path: Buffer;
}

/** The same, of two tables of one machine. */
export function loopOf(served: Place, directory: Place): string | undefined {
  const tree = textOf(served.path);
  const at = positionOf(directory.mounts, textOf(directory.path));
  const held = [
    positionOf(served.mounts, tree),
    ...served.mounts
      .filter(({ mountpoint }) => isWithin(textOf(mountpoint), tree))
      .map((mount) => ({ filesystem: filesystemOf(mount), path: textOf(mount.root) })),
  ];
  if (at === undefined) return undefined;
  if (held.some((position) => position !== undefined && isIn(at, position))) {
    return `${directory.path} lies in ${served.path}, on this very machine: a folder can't be mounted inside itself`;
  }
  for (let above = tree; ; above = parentOf(above)) {
    const position = positionOf(served.mounts, above);
    if (position !== undefined && isSame(position, at)) {
      return `${served.path} lies below ${directory.path}, on this very machine: the mount would cover what it shows`;
    }
    if (above === '/') return undefined;
  }
}

/** Follows a path without links through the mounts, as the kernel does: from the root, to what stands topmost at each step. */
function positionOf(mounts: readonly MountinfoLine[], path: string): Position | undefined {
  const ids = new Set(mounts.map(({ mountId }) => mountId));
  const root = mounts.find(({ parentId, mountId }) => !ids.has(parentId) || parentId === mountId);
  if (root === undefined) return undefined;
  let at = root;
  // Each step goes down in the tree of mounts, of which there are so many.
  for (let steps = 0; steps < mounts.length; steps++) {
    const next = nextOnTheWay(mounts, at, path);
    if (next === undefined) break;
    at = next;
  }
  const rest = path.slice(withSlash(textOf(at.mountpoint)).length);
  return {
    filesystem: filesystemOf(at),
    path: rest === '' ? textOf(at.root) : withSlash(textOf(at.root)) + rest,
  };
}

/** The first mount that a path comes to in another one. */
function nextOnTheWay(
  mounts: readonly MountinfoLine[],
  from: MountinfoLine,
  path: string,
): MountinfoLine | undefined {
  let first: MountinfoLine | undefined;
  for (const mount of mounts) {
    if (mount.parentId !== from.mountId || mount === from || !isWithin(path, textOf(mount.mountpoint)))
      continue;
    if (first === undefined || mount.mountpoint.length < first.mountpoint.length) first = mount;
  }
  return first;
}

function filesystemOf({ major, minor }: MountinfoLine): string {
  return `${major}:${minor}`;
}

function isSame(a: Position, b: Position): boolean {
  return a.filesystem === b.filesystem && a.path === b.path;
}

function isIn(inner: Position, outer: Position): boolean {
  return inner.filesystem === outer.filesystem && isWithin(inner.path, outer.path);
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(withSlash(folder));
}

function withSlash(folder: string): string {
  return folder.endsWith('/') ? folder : `${folder}/`;
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf('/')));
}

function textOf(path: Buffer): string {
  return path.toString('latin1');
}
