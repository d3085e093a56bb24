import { CompoundRequest } from '../../client/session/compoundRequest';
import { NO_FH } from '../../protocol/brand';
import { ErrnoError } from '../../protocol/errno';
import type { EntryOut } from '../../protocol/fuse';
import { ATTR_SUBMOUNT, S_IFDIR } from '../../protocol/fuse';
import type { Request } from '../../protocol/message';
import type { OutOf } from '../../protocol/opcodes';
import type { Call } from '../call';
import { versionOf } from '../../protocol/attributes';
import type { Mount } from '../mount';
import type { Node } from '../nodes';
import { entryOut } from '../reply';
import { keyOf } from './lookup';
import type { MountHandlers } from './types';

const RENAME_NOREPLACE = 1;
const RENAME_EXCHANGE = 2;

/** Takes in what a request of ours made: the kernel makes the local event itself, so the host's word of it is no news. */
export function made(mount: Mount, parent: Node, key: string, entry: EntryOut): OutOf<'LOOKUP'> {
  const { host } = mount;
  const complete = parent.listing;
  const name = host.claim(parent, key, entry, undefined);
  mount.ownName(parent, key, name.node);
  parent.listing = complete;
  parent.attr = undefined;
  const { node } = name;
  if (node === undefined) throw new ErrnoError('EIO');
  mount.nodes.wroteOwn(node, versionOf(entry.attr));
  return entryOut(mount, name, node, entry.attr);
}

/** Takes in that a request of ours took a name away. */
function removed(mount: Mount, parent: Node, key: string): void {
  const { nodes, host } = mount;
  const before = parent.children.get(key)?.node;
  mount.ownName(parent, key, undefined);
  nodes.link(parent, key, undefined, host.settled(mount.pathIn(parent, key)));
  parent.attr = undefined;
  if (before !== undefined) before.attr = undefined;
}

async function remove(mount: Mount, request: Request<'UNLINK' | 'RMDIR'>, call: Call): Promise<undefined> {
  const parent = mount.node(request.header.nodeid);
  const key = keyOf(request.names[0]);
  if (mount.echo.takes(call, parent, key)) return undefined;
  await mount.pin(parent.children.get(key)?.node, call);
  await mount.changing(parent, async () => {
    await mount.host.ask(parent, request.op, undefined, call, { names: request.names });
    removed(mount, parent, key);
  });
  return undefined;
}

async function rename(
  mount: Mount,
  request: Request<'RENAME' | 'RENAME2'>,
  flags: number,
  call: Call,
): Promise<undefined> {
  const { host, nodes, core } = mount;
  const from = mount.node(request.header.nodeid);
  const to = mount.node(request.in.newdir);
  const key = keyOf(request.names[0]);
  const newKey = keyOf(request.names[1]);
  if (mount.echo.takes(call, from, key)) return undefined;
  if (flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE)) throw new ErrnoError('EINVAL', `rename flags ${flags}`);
  const { names } = request;
  const moved = from.children.get(key)?.node;
  const target = to.children.get(newKey)?.node;
  if (target !== moved) await mount.pin(target, call);
  if (moved !== undefined) await mount.writeBehind.flush(moved, call);
  await mount.changing(from, async () => {
    // Its change time is another one then, and the host will tell of it.
    const after = await host.onNode(from, call, async (remote) => {
      const newdir = await host.locate(to, call);
      const frame = new CompoundRequest();
      const done =
        flags === 0
          ? frame.add('RENAME', remote, { newdir }, { names })
          : frame.add('RENAME2', remote, { newdir, flags }, { names });
      const known = moved?.epoch === core.epoch ? moved.remote : undefined;
      const look =
        known === undefined ? undefined : frame.add('GETATTR', known, { getattr_flags: 0, fh: NO_FH });
      const result = await core.session.compound(frame, { patient: true, signal: call.signal });
      result.get(done);
      return look !== undefined && result.has(look) ? result.get(look).attr : undefined;
    });
    const [oldPath, newPath] = [mount.pathIn(from, key), mount.pathIn(to, newKey)];
    // What is below moves, too: replies that are under way say nothing of it.
    for (const path of [oldPath, newPath]) if (path !== undefined) core.invalidations.invalidate(path, true);
    const swapped = (flags & RENAME_EXCHANGE) !== 0 ? target : undefined;
    if (moved === target && moved !== undefined) return; // two names of one file: nothing happened
    if (moved?.type === S_IFDIR && oldPath !== undefined && newPath !== undefined) {
      mount.echo.intake.ownMove(oldPath, newPath);
      if (swapped?.type === S_IFDIR) mount.echo.intake.ownMove(newPath, oldPath);
    }
    nodes.link(from, key, swapped, host.settled(oldPath));
    mount.ownName(from, key, swapped);
    if (moved === undefined) {
      // The kernel renames what it has looked up; the cache may have dropped it since.
      const name = to.children.get(newKey);
      if (name !== undefined) nodes.unlink(name);
      to.listing = undefined;
    } else {
      const name = nodes.link(to, newKey, moved, host.settled(newPath));
      name.shown = true;
      if (after === undefined) moved.attr = undefined;
      else mount.changed(moved, after);
    }
    mount.ownName(to, newKey, moved);
    if (swapped !== undefined) swapped.attr = undefined;
    else if (target !== undefined) target.attr = undefined;
    from.attr = undefined;
    to.attr = undefined;
  });
  return undefined;
}

/** Makes a name on the host, except where it is the mount itself that makes it, to repeat a change of the host. */
async function makeName(
  mount: Mount,
  { header, names }: Request<'MKNOD' | 'MKDIR' | 'SYMLINK'>,
  call: Call,
  ask: (parent: Node, options: { readonly names: readonly Buffer[] }) => Promise<EntryOut>,
  settle: (node: Node, entry: EntryOut) => void = () => undefined,
): Promise<OutOf<'LOOKUP'>> {
  const parent = mount.node(header.nodeid);
  const key = keyOf(names[0]);
  const scripted = mount.echo.made(call, parent, key);
  if (scripted !== undefined) return scripted;
  return mount.changing(parent, async () => {
    const entry = await ask(parent, { names });
    const reply = made(mount, parent, key, entry);
    const node = parent.children.get(key)?.node;
    if (node !== undefined) settle(node, entry);
    return reply;
  });
}

export const nameHandlers: MountHandlers = {
  MKNOD: (mount, request, call) =>
    makeName(mount, request, call, (parent, options) =>
      mount.host.ask(parent, 'MKNOD', request.in, call, options),
    ),

  MKDIR: (mount, request, call) =>
    makeName(
      mount,
      request,
      call,
      (parent, options) => mount.host.ask(parent, 'MKDIR', request.in, call, options),
      (node, { attr }) => {
        // What was just made has nothing in it.
        if ((attr.flags & ATTR_SUBMOUNT) === 0 && attr.nlink <= 2)
          node.listing = mount.host.settled(mount.nodes.pathOf(node));
      },
    ),

  SYMLINK: (mount, request, call) =>
    makeName(mount, request, call, (parent, options) =>
      mount.host.ask(parent, 'SYMLINK', undefined, call, options),
    ),

  async LINK(mount, request, call) {
    const { host, core } = mount;
    const parent = mount.node(request.header.nodeid);
    const node = mount.node(request.in.oldnodeid);
    const key = keyOf(request.names[0]);
    const { names } = request;
    if (node.type === S_IFDIR) throw new ErrnoError('EPERM', 'a hard link to a directory');
    return mount.changing(parent, async () => {
      const entry = await host.onNode(parent, call, async (remote) => {
        const oldnodeid = await host.locate(node, call);
        return core.session.request(
          'LINK',
          remote,
          { oldnodeid },
          { names, patient: true, signal: call.signal },
        );
      });
      return made(mount, parent, key, entry);
    });
  },

  UNLINK: remove,
  RMDIR: remove,
  RENAME: (mount, request, call) => rename(mount, request, 0, call),
  RENAME2: (mount, request, call) => rename(mount, request, request.in.flags, call),
};
