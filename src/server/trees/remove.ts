import { Errno, ErrnoError } from '../../protocol/errno';
import { S_IFDIR, S_IFMT } from '../../protocol/fuse';
import { REMOVE_RECURSIVE, REMOVE_TRASH } from '../../protocol/livemount';
import type { Request } from '../../protocol/message';
import { decodeCrossed } from '../../protocol/remove';
import type { ClientState } from '../connection/handler';
import type { HostFs, Locator, OperationContext } from '../host/hostFs';
import { checkedName } from '../ops/lookup';
import { TimeSlice } from '../timeSlice';
import { removeTree } from './removeTree';
import { Reporting } from './reporting';
import { moveToTrash, type TrashOptions } from './trash';

/** REMOVE: an entry with all below it, for good or to the trash. What a cancelled one removed stays removed. */
export async function remove(
  trash: TrashOptions,
  session: ClientState,
  request: Request<'REMOVE'>,
  context: OperationContext,
): Promise<undefined> {
  const parent = session.inodes.get(request.header.nodeid);
  const name = checkedName(request.names[0]);
  const directory = session.inodes.locate(parent);
  const { flags } = request.in;
  try {
    if (flags & REMOVE_TRASH) await moveToTrash(session.host, trash, directory, name, context);
    else if (flags & REMOVE_RECURSIVE) await wholeTree(session, request, directory, name, context);
    else await single(session.host, directory, name, context);
  } catch (error) {
    if (error instanceof ErrnoError && error.errno === Errno.ENOENT) session.inodes.unlink(parent, name);
    throw error;
  }
  session.inodes.unlink(parent, name);
  session.dirty.add(parent.identity.sb, parent.nodeid);
  return undefined;
}

function wholeTree(
  session: ClientState,
  request: Request<'REMOVE'>,
  directory: Locator,
  name: Buffer,
  context: OperationContext,
): Promise<void> {
  const reporting = new Reporting(session, request);
  return removeTree(session.host, directory, name, {
    slice: new TimeSlice(context.signal),
    context,
    crossed: decodeCrossed(request.in, request.data),
    removed: (done, known) => reporting.report(done, known),
  });
}

async function single(
  host: HostFs,
  directory: Locator,
  name: Buffer,
  context: OperationContext,
): Promise<void> {
  const stat = await host.lookup(directory, name, context);
  if ((stat.mode & S_IFMT) === S_IFDIR) await host.rmdir(directory, name, context);
  else await host.unlink(directory, name, context);
}
