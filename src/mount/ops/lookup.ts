import { Errno, ErrnoError } from '../../protocol/errno';
import { ForgetOne, GETATTR_FH, Kstatfs, type Attr } from '../../protocol/fuse';
import { versionOf } from '../../protocol/attributes';
import type { OutOf } from '../../protocol/opcodes';
import type { Call } from '../call';
import type { Mount } from '../mount';
import type { Name, Node } from '../nodes';
import { absentOut, attrOut, entryOut } from '../reply';
import type { MountHandlers } from './types';

/** A name as the kernel gives it, as a key. ENAMETOOLONG. */
export function keyOf(name: Buffer | undefined): string {
  if (name === undefined || name.length === 0) throw new ErrnoError('EINVAL', 'an empty name');
  if (name.length > NAME_MAX) throw new ErrnoError('ENAMETOOLONG', `a name of ${name.length} bytes`);
  return name.toString('latin1');
}
const NAME_MAX = 255;
/**
 * How full a filesystem is: programs ask that with every walk, and no event tells of it. Up to this age it is believed;
 * up to the next one it is told at once and asked for behind that, so that no walk waits. In ms.
 */
const SPACE_MS = 5000;
const SPACE_OLD_MS = 60_000;
const NO_SPACE = Kstatfs.decode(Buffer.alloc(Kstatfs.size));

/** What a name of a directory stands for, if that is known; undefined: the host is to be asked. */
function known(mount: Mount, parent: Node, key: string): OutOf<'LOOKUP'> | undefined {
  const { host } = mount;
  const name = parent.children.get(key);
  const nameMs = name === undefined ? 0 : host.nameMs(name);
  if (name !== undefined && nameMs > 0) {
    if (name.node === undefined) return absentOut(mount.echo.isPending(parent, key) ? 0 : nameMs);
    const attr = host.knownAttr(name.node)?.attr ?? whileWriting(name.node);
    return attr && entryOut(mount, name, name.node, attr);
  }
  if (name !== undefined) return undefined;
  const listingMs = host.listingMs(parent);
  if (listingMs <= 0) return undefined;
  return absentOut(mount.echo.isPending(parent, key) ? 0 : listingMs);
}

function knownCtime(mount: Mount, node: Node): bigint | undefined {
  const known = mount.host.knownAttr(node);
  return known && versionOf(known.attr).ctime_ns;
}

/** What the kernel has of a file that is being written is newer than what the host has: it is told the same, for no time. */
function whileWriting(node: Node): Attr | undefined {
  return node.behind === undefined ? undefined : node.seen;
}

/** Looks a name up on the host; a negative entry where there is nothing. */
export async function lookup(mount: Mount, parent: Node, key: string, call: Call | undefined): Promise<Name> {
  const { host, nodes } = mount;
  const names = [Buffer.from(key, 'latin1')];
  return host.stamped(async (stamp) => {
    try {
      const entry = await host.ask(parent, 'LOOKUP', undefined, call, { names });
      return host.claim(parent, key, entry, stamp);
    } catch (error) {
      if (!(error instanceof ErrnoError) || error.errno !== Errno.ENOENT) throw error;
      return nodes.link(parent, key, undefined, host.factOf(stamp, mount.pathIn(parent, key)));
    }
  });
}

/** The same, or with all other names of the directory where somebody asks for one after the other. */
async function lookAhead(mount: Mount, parent: Node, key: string, call: Call): Promise<Name> {
  if (await mount.ahead.listsInstead(parent, call)) {
    const name = parent.children.get(key);
    if (name !== undefined && mount.host.nameMs(name) > 0) return name;
    const fact = parent.listing;
    if (name === undefined && fact !== undefined && mount.host.listingMs(parent) > 0)
      return mount.nodes.link(parent, key, undefined, fact);
  }
  return lookup(mount, parent, key, call);
}

/** The attributes of a node: known, or asked for. */
export async function attributesOf(mount: Mount, node: Node, call: Call | undefined): Promise<Attr> {
  const { host } = mount;
  await mount.writeBehind.flush(node, call);
  const attr = host.knownAttr(node);
  if (attr !== undefined) return attr.attr;
  return host.stamped(async (stamp) => {
    // What has no name any more is reached through whoever has it open.
    const [open] = node.names.size === 0 && node !== mount.nodes.root ? node.open : [];
    const changing = node.changing.size;
    const reply =
      open === undefined
        ? await host.ask(node, 'GETATTR', { getattr_flags: 0, fh: 0n as never }, call)
        : await host.onFile(open, call, (fh, remote) =>
            mount.core.session.request(
              'GETATTR',
              remote,
              { getattr_flags: GETATTR_FH, fh },
              { patient: true, signal: call?.signal },
            ),
          );
    mount.learned(node, reply.attr, host.factOf(stamp, mount.nodes.pathOf(node)), changing > 0);
    return reply.attr;
  });
}

/**
 * What is replaced while a program is on its way to it still has attributes, as a file on a disk that has just lost its
 * last name: a program that looks a name up which is always there must not hear that there is nothing.
 */
function afterTheEnd(node: Node, error: unknown): Attr {
  if (!(error instanceof ErrnoError) || error.errno !== Errno.ESTALE || node.seen === undefined) throw error;
  return { ...node.seen, nlink: 0 };
}

export const lookupHandlers: MountHandlers = {
  LOOKUP(mount, request, call) {
    const parent = mount.node(request.header.nodeid);
    const key = keyOf(request.names[0]);
    const scripted = mount.echo.lookup(call, parent, key);
    if (scripted !== undefined) return scripted;
    const answer = known(mount, parent, key);
    if (answer !== undefined) return answer;
    return lookAhead(mount, parent, key, call).then((name) => {
      const { node } = name;
      if (node === undefined) {
        return absentOut(mount.echo.isPending(parent, key) ? 0 : mount.host.nameMs(name));
      }
      const attr = whileWriting(node) ?? node.attr?.value;
      if (attr === undefined) throw new ErrnoError('EIO');
      return entryOut(mount, name, node, attr);
    });
  },

  FORGET(mount, request) {
    mount.nodes.forget(request.header.nodeid, request.in.nlookup);
    return undefined;
  },

  BATCH_FORGET(mount, request) {
    for (let i = 0; i < request.in.count; i++) {
      const { nodeid, nlookup } = ForgetOne.read(request.data, i * ForgetOne.size);
      mount.nodes.forget(nodeid, nlookup);
    }
    return undefined;
  },

  GETATTR(mount, request, call) {
    const node = mount.node(request.header.nodeid);
    const known = mount.host.knownAttr(node) ?? mount.lastResort(call, node);
    if (known !== undefined) return attrOut(mount, node, known.attr, known.ms);
    return attributesOf(mount, node, call).then(
      (attr) => attrOut(mount, node, attr, mount.host.attrMs(node)),
      (error) => attrOut(mount, node, afterTheEnd(node, error), 0),
    );
  },

  async ACCESS(mount, request, call) {
    const node = mount.node(request.header.nodeid);
    if (mount.echo.isEcho(call) || mount.isLastResort(node)) return undefined;
    const { mask } = request.in;
    const ctimeNs = knownCtime(mount, node);
    const before = ctimeNs !== undefined && node.granted?.ctimeNs === ctimeNs ? node.granted.mask : 0;
    if (ctimeNs !== undefined && node.granted?.ctimeNs === ctimeNs && (mask & ~before) === 0)
      return undefined;
    await mount.host.ask(node, 'ACCESS', request.in, call);
    // Mode, owner and access lists change the change time; what was told of another state is worth nothing.
    if (ctimeNs !== undefined && knownCtime(mount, node) === ctimeNs)
      node.granted = { mask: before | mask, ctimeNs };
    return undefined;
  },

  READLINK(mount, request, call) {
    const node = mount.node(request.header.nodeid);
    if (node.target !== undefined) return node.target;
    return mount.host.ask(node, 'READLINK', undefined, call).then((target) => {
      node.target = Buffer.from(target);
      return node.target;
    });
  },

  STATFS(mount, request, call) {
    const node = mount.node(request.header.nodeid);
    const known = mount.space.get(node.sb);
    const age = known === undefined ? Number.POSITIVE_INFINITY : performance.now() - known.at;
    if (known !== undefined && age < SPACE_MS) return known.space;
    if (mount.isLastResort(node)) return known?.space ?? NO_SPACE;
    const isBehind = known !== undefined && age < SPACE_OLD_MS;
    const asked = mount.host
      .ask(node, 'STATFS', undefined, isBehind ? undefined : call, { background: isBehind })
      .then((space) => {
        mount.space.set(node.sb, { space, at: performance.now() });
        return space;
      });
    if (!isBehind) return asked;
    // Who asks when this has become too old hears what is wrong.
    asked.catch(() => undefined);
    return known.space;
  },
};
