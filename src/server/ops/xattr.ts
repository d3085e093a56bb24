import { ErrnoError } from '../../protocol/errno';
import { GetxattrOut } from '../../protocol/fuse';
import type { Request } from '../../protocol/message';
import type { Handlers, ClientState } from '../connection/handler';
import { type Awaitable, chain } from '../host/hostFs';
import { onInode } from './attributes';

/** Size 0 asks how much there is; else the value, or ERANGE where it has grown past the size. (getxattr(2)) */
function sized(value: Awaitable<Buffer>, size: number): Awaitable<Buffer> {
  return chain(value, (found) => {
    if (size === 0) return GetxattrOut.encode({ size: found.length });
    if (found.length > size) throw new ErrnoError('ERANGE', `the value has ${found.length} bytes`);
    return found;
  });
}

function nameOf(request: Request): Buffer {
  const [name] = request.names;
  if (name === undefined || name.length === 0)
    throw new ErrnoError('EINVAL', 'an extended attribute without a name');
  return name;
}

function inodeOf(session: ClientState, request: Request) {
  return session.inodes.get(request.header.nodeid);
}

export const xattrHandlers: Handlers = {
  GETXATTR(session, request, context) {
    const name = nameOf(request);
    const value = onInode(
      session,
      inodeOf(session, request),
      (at) => session.host.getxattr(at, name, context),
      (file) => file.getxattr(name),
    );
    return sized(value, request.in.size);
  },

  LISTXATTR(session, request, context) {
    const names = onInode(
      session,
      inodeOf(session, request),
      (at) => session.host.listxattr(at, context),
      (file) => file.listxattr(),
    );
    return sized(names, request.in.size);
  },

  SETXATTR(session, request, context) {
    const name = nameOf(request);
    const { size, flags } = request.in;
    if (size !== request.data.length) throw new ErrnoError('EINVAL', 'SETXATTR with a value of another size');
    const done = onInode(
      session,
      inodeOf(session, request),
      (at) => session.host.setxattr(at, name, request.data, flags, context),
      (file) => file.setxattr(name, request.data, flags),
    );
    return chain(done, () => undefined);
  },

  REMOVEXATTR(session, request, context) {
    const name = nameOf(request);
    const done = onInode(
      session,
      inodeOf(session, request),
      (at) => session.host.removexattr(at, name, context),
      (file) => file.removexattr(name),
    );
    return chain(done, () => undefined);
  },
};
