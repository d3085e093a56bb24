import { Errno, ErrnoError } from '../../protocol/errno';
import type { NodeId } from '../../protocol/brand';
import type { Request } from '../../protocol/message';
import { RENAME_EXCHANGE, RENAME_NOREPLACE } from '../../protocol/renameFlags';
import type { Handlers, ClientState } from '../connection/handler';
import { type Awaitable, chain, type OperationContext } from '../host/hostFs';
import { checkedName } from './lookup';

const RENAME_KNOWN = RENAME_NOREPLACE | RENAME_EXCHANGE;

/** Removes a name on the host and in the table; one that was gone already is gone in the table as well. */
function removeName(
  session: ClientState,
  request: Request,
  context: OperationContext,
  how: 'unlink' | 'rmdir',
): Awaitable<undefined> {
  const parent = session.inodes.get(request.header.nodeid);
  const name = checkedName(request.names[0]);
  const gone = () => {
    session.inodes.unlink(parent, name);
    session.dirty.add(parent.identity.sb, parent.nodeid);
    return undefined;
  };
  const failed = (error: unknown): never => {
    if (error instanceof ErrnoError && error.errno === Errno.ENOENT) gone();
    throw error;
  };
  try {
    const done = chain(session.host[how](session.inodes.locate(parent), name, context), gone);
    return done instanceof Promise ? done.catch(failed) : done;
  } catch (error) {
    return failed(error);
  }
}

function rename(
  session: ClientState,
  request: Request,
  newdir: NodeId,
  flags: number,
  context: OperationContext,
): Awaitable<undefined> {
  if (flags & ~RENAME_KNOWN) throw new ErrnoError('EINVAL', `rename flags ${flags}`);
  const from = session.inodes.get(request.header.nodeid);
  const to = session.inodes.get(newdir);
  const name = checkedName(request.names[0]);
  const newName = checkedName(request.names[1]);
  const done = session.host.rename(
    session.inodes.locate(from),
    name,
    session.inodes.locate(to),
    newName,
    flags,
    context,
  );
  return chain(done, () => {
    session.inodes.rename(from, name, to, newName, (flags & RENAME_EXCHANGE) !== 0);
    session.dirty.add(from.identity.sb, from.nodeid);
    session.dirty.add(to.identity.sb, to.nodeid);
    return undefined;
  });
}

export const nameHandlers: Handlers = {
  UNLINK: (session, request, context) => removeName(session, request, context, 'unlink'),
  RMDIR: (session, request, context) => removeName(session, request, context, 'rmdir'),
  RENAME: (session, request, context) => rename(session, request, request.in.newdir, 0, context),
  RENAME2: (session, request, context) =>
    rename(session, request, request.in.newdir, request.in.flags, context),
};
