import type { NodeId } from '../../protocol/brand';
import { ErrnoError } from '../../protocol/errno';
import { S_IFDIR } from '../../protocol/fuse';
import type { Request } from '../../protocol/message';
import type { ClientState } from '../connection/handler';
import { type Awaitable, type HostDirent, type OperationContext, sameIdentity } from '../host/hostFs';
import type { Inode } from '../host/inodeTable';
import { OpenFlag } from './openFlags';

/** Folders that one which was moved is looked for in at most, beside the one it was in. */
const FOLDERS_MAX = 256;
const DT_DIR = S_IFDIR >>> 12;

/**
 * Carries out a request of a kernel, whose programs work in a directory whatever it is called by now: where one that the
 * request names is not at its path any more, it is looked for, and the request is carried out once more.
 */
export function followingMoves<T>(
  session: ClientState,
  request: Request,
  context: OperationContext,
  run: () => Awaitable<T>,
): Awaitable<T> {
  const retry = async (error: unknown): Promise<T> => {
    const isStale = error instanceof ErrnoError && error.code === 'ESTALE';
    if (!isStale || !(await foundAgain(session, request, context))) throw error;
    return run();
  };
  try {
    const result = run();
    return result instanceof Promise ? result.catch(retry) : result;
  } catch (error) {
    return retry(error);
  }
}

/** True if a directory that the request needs was moved, and is known by its new name now. */
async function foundAgain(
  session: ClientState,
  request: Request,
  context: OperationContext,
): Promise<boolean> {
  const { newdir } = (request.in ?? {}) as { readonly newdir?: NodeId };
  let found = false;
  for (const nodeid of [request.header.nodeid, ...(newdir === undefined ? [] : [newdir])]) {
    for (const inode of wayTo(session, nodeid)) {
      if (await isThere(session, inode, context)) continue;
      // Nothing below it can be found before it is.
      if (!(await search(session, inode, context))) break;
      found = true;
    }
  }
  return found;
}

/** The directories that lead to a node from the root on, and it itself if it is one. */
function wayTo(session: ClientState, nodeid: NodeId): Inode[] {
  const way: Inode[] = [];
  let at: NodeId | undefined = nodeid;
  while (at !== undefined) {
    const inode: Inode = session.inodes.get(at);
    if (inode.type === S_IFDIR && inode !== session.inodes.root) way.unshift(inode);
    at = session.inodes.parentOf(at);
  }
  return way;
}

async function isThere(session: ClientState, inode: Inode, context: OperationContext): Promise<boolean> {
  try {
    await session.host.stat(session.inodes.locate(inode), context);
    return true;
  } catch (error) {
    if (error instanceof ErrnoError) return false;
    throw error;
  }
}

/** Looks for a directory where it was, and then in the others that the client knows. */
async function search(session: ClientState, inode: Inode, context: OperationContext): Promise<boolean> {
  const { inodes } = session;
  const above = inodes.parentOf(inode.nodeid);
  const tried = new Set<Inode>();
  for (const folder of [
    ...(above === undefined ? [] : [inodes.get(above)]),
    inodes.root,
    ...inodes.directories(),
  ]) {
    if (tried.size > FOLDERS_MAX) return false;
    if (folder === inode || tried.has(folder)) continue;
    tried.add(folder);
    const name = await nameIn(session, folder, inode, context);
    if (name === undefined) continue;
    inodes.link(folder, name, inode);
    return true;
  }
  return false;
}

/** The name that a directory has in another one now; undefined if it is not in there, or if that can't be found out. */
async function nameIn(
  session: ClientState,
  folder: Inode,
  { identity }: Inode,
  context: OperationContext,
): Promise<Buffer | undefined> {
  const { host } = session;
  try {
    const at = session.inodes.locate(folder);
    const open = await host.open(at, OpenFlag.RDONLY | OpenFlag.DIRECTORY | OpenFlag.NOFOLLOW, context);
    let entries: HostDirent[];
    try {
      entries = await open.list(context);
    } finally {
      await open.close();
    }
    for (const { name, ino, type } of entries) {
      if (ino !== identity.ino || (type !== DT_DIR && type !== 0)) continue;
      if (sameIdentity(await host.lookup(at, name, context), identity)) return name;
    }
  } catch (error) {
    if (!(error instanceof ErrnoError)) throw error;
  }
  return undefined;
}
