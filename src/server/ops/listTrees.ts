import type { NodeId } from '../../protocol/brand';
import { readDirentsPlus } from '../../protocol/dirent';
import { ErrnoError, errnoOf } from '../../protocol/errno';
import { ATTR_SUBMOUNT, S_IFDIR, S_IFMT } from '../../protocol/fuse';
import { ListedDirectory, ListTreesOut, RELEASE_AT_END } from '../../protocol/livemount';
import type { Request } from '../../protocol/message';
import { decodeRoots, encodeTrees, type ListedTree, packTree } from '../../protocol/trees';
import type { ClientState, Handlers } from '../connection/handler';
import { innerRequest } from './innerRequest';
import type { OperationContext } from '../host/hostFs';
import { TimeSlice } from '../timeSlice';

/** Less room than this is left to the next request. */
const ROOM_MIN = 4096;
/** Directories of one reply at most, whatever is asked for. */
const DIRECTORIES_MAX = 4096;
const NOTHING = Buffer.alloc(0);

/** LIST_TREES: what a program that walks a tree asks for one directory after the other. */
export async function listTrees(
  session: ClientState,
  request: Request<'LIST_TREES'>,
  handlers: Handlers,
  context: OperationContext,
): Promise<Buffer> {
  const { count, size, directories } = request.in;
  // The next directory is at the end.
  const waiting = decodeRoots(count, request.data).reverse();
  const slice = new TimeSlice(context.signal);
  const packed: Buffer[] = [];
  let room = Math.min(size, session.agreement.maxWrite) - ListTreesOut.size;
  const most = Math.min(directories, DIRECTORIES_MAX);
  while (packed.length < most && room > ROOM_MIN) {
    const nodeid = waiting.pop();
    if (nodeid === undefined) break;
    await slice.step();
    const listed = await listOne(session, request, nodeid, room - ListedDirectory.size, handlers, context);
    if (listed === undefined) break;
    const record = packTree(listed);
    packed.push(record);
    room -= record.length;
    const below = readDirentsPlus(listed.body).filter(({ entry, name }) => isBelow(entry, name));
    for (const { entry } of below.reverse()) waiting.push(entry.nodeid);
  }
  return encodeTrees(packed);
}

function isBelow(
  { nodeid, attr }: { nodeid: NodeId; attr: { mode: number; flags: number } },
  name: Buffer,
): boolean {
  if (nodeid === 0n || (attr.mode & S_IFMT) !== S_IFDIR || attr.flags & ATTR_SUBMOUNT) return false;
  return name.toString('latin1') !== '.' && name.toString('latin1') !== '..';
}

/** Undefined: the directory does not fit. */
async function listOne(
  session: ClientState,
  request: Request<'LIST_TREES'>,
  nodeid: NodeId,
  room: number,
  { OPENDIR, READDIRPLUS, RELEASEDIR }: Handlers,
  context: OperationContext,
): Promise<ListedTree | undefined> {
  if (!OPENDIR || !READDIRPLUS || !RELEASEDIR) throw new ErrnoError('ENOSYS');
  let fh: Awaited<ReturnType<typeof OPENDIR>>['fh'] | undefined;
  try {
    const opening = innerRequest(request, 'OPENDIR', nodeid, { flags: 0, open_flags: 0 });
    ({ fh } = await OPENDIR(session, opening, context));
    const from = { fh, offset: 0n, size: room, read_flags: 0, lock_owner: 0n, flags: 0 };
    const body = Buffer.from(
      await READDIRPLUS(session, innerRequest(request, 'READDIRPLUS', nodeid, from), context),
    );
    const closing = { fh, flags: 0, release_flags: RELEASE_AT_END, lock_owner: 0n };
    try {
      await RELEASEDIR(session, innerRequest(request, 'RELEASEDIR', nodeid, closing), context);
      fh = undefined;
    } catch {
      for (const { entry } of readDirentsPlus(body)) session.inodes.forget(entry.nodeid, 1n);
      return undefined;
    }
    return { nodeid, error: 0, body };
  } catch (error) {
    return { nodeid, error: -errnoOf(error), body: NOTHING };
  } finally {
    if (fh !== undefined) {
      const closing = { fh, flags: 0, release_flags: 0, lock_owner: 0n };
      await RELEASEDIR(session, innerRequest(request, 'RELEASEDIR', nodeid, closing), context);
    }
  }
}
