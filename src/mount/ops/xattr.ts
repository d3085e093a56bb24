import { Errno, ErrnoError } from '../../protocol/errno';
import { S_IFREG } from '../../protocol/fuse';
import type { MountHandlers } from './types';

const CAPABILITY = Buffer.from('security.capability');

/** Extended attributes change the change time, so what is known of the attributes is old then. */
export const xattrHandlers: MountHandlers = {
  GETXATTR(mount, request, call) {
    const { host } = mount;
    const node = mount.node(request.header.nodeid);
    const { names } = request;
    const isCapability = names[0]?.equals(CAPABILITY) === true;
    if (isCapability && host.isBare(node)) throw new ErrnoError('ENODATA', 'no capabilities');
    return host.stamped((stamp) =>
      host.ask(node, 'GETXATTR', request.in, call, { names }).catch((error) => {
        if (isCapability && error instanceof ErrnoError && error.errno === Errno.ENODATA)
          node.bare = host.factOf(stamp, mount.nodes.pathOf(node));
        throw error;
      }),
    );
  },

  LISTXATTR(mount, request, call) {
    return mount.host.ask(mount.node(request.header.nodeid), 'LISTXATTR', request.in, call);
  },

  async SETXATTR(mount, request, call) {
    const node = mount.node(request.header.nodeid);
    const { names, data } = request;
    node.bare = undefined;
    await mount.writeBehind.flush(node, call);
    await mount.changing(node, async () => {
      await mount.host.ask(node, 'SETXATTR', request.in, call, { names, data: Buffer.from(data) });
      if (node.type === S_IFREG) await mount.refresh(node);
    });
    return undefined;
  },

  async REMOVEXATTR(mount, request, call) {
    const node = mount.node(request.header.nodeid);
    await mount.writeBehind.flush(node, call);
    await mount.changing(node, async () => {
      await mount.host.ask(node, 'REMOVEXATTR', undefined, call, { names: request.names });
      if (node.type === S_IFREG) await mount.refresh(node);
    });
    return undefined;
  },
};
