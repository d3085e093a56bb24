import { S_IFREG } from '../../protocol/fuse';
import type { MountHandlers } from './types';

/** Extended attributes change the change time, so what is known of the attributes is old then. */
export const xattrHandlers: MountHandlers = {
  GETXATTR(mount, request, call) {
    return mount.host.ask(mount.node(request.header.nodeid), 'GETXATTR', request.in, call, {
      names: request.names,
    });
  },

  LISTXATTR(mount, request, call) {
    return mount.host.ask(mount.node(request.header.nodeid), 'LISTXATTR', request.in, call);
  },

  async SETXATTR(mount, request, call) {
    const node = mount.node(request.header.nodeid);
    const { names, data } = request;
    await mount.changing(node, async () => {
      await mount.host.ask(node, 'SETXATTR', request.in, call, { names, data: Buffer.from(data) });
      if (node.type === S_IFREG) await mount.refresh(node);
    });
    return undefined;
  },

  async REMOVEXATTR(mount, request, call) {
    const node = mount.node(request.header.nodeid);
    await mount.changing(node, async () => {
      await mount.host.ask(node, 'REMOVEXATTR', undefined, call, { names: request.names });
      if (node.type === S_IFREG) await mount.refresh(node);
    });
    return undefined;
  },
};
