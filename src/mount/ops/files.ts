import { CompoundRequest, FILLED_IN } from '../../client/session/compoundRequest';
import { ErrnoError } from '../../protocol/errno';
import { type Attr, Fattr, Fopen, GETATTR_FH, S_IFDIR, S_IFMT, S_IFREG } from '../../protocol/fuse';
import { OpenFlag } from '../../protocol/openFlags';
import type { Fh } from '../../protocol/brand';
import type { Request } from '../../protocol/message';
import type { OutOf } from '../../protocol/opcodes';
import type { Call } from '../call';
import type { OpenFile } from '../handles';
import { versionOf } from '../../protocol/attributes';
import type { Mount } from '../mount';
import type { Node } from '../nodes';
import { attrOut } from '../reply';
import { closeByOwner, closeForGood } from './locks';
import { keyOf } from './lookup';
import { made } from './names';
import type { MountHandlers } from './types';

/** What is read with the opening of a file, so that a small one costs one round trip. */
const AHEAD_BYTES = 128 << 10;
/** ... and is believed for so long where no event would say that it has changed, in ms. */
const AHEAD_MS = 1000;
const EMPTY = Buffer.alloc(0);
const CLOSING = { fh: FILLED_IN, flags: 0, release_flags: 0, lock_owner: 0n };

/** The kernel keeps its pages of a file whose content is known to be what it was. */
function openOut(mount: Mount, file: OpenFile): OutOf<'OPEN'> {
  const { node } = file;
  const known = mount.host.knownAttr(node);
  const keeps =
    known !== undefined && node.pages !== undefined && sameContent(node.pages, versionOf(known.attr));
  if (known !== undefined) node.pages = versionOf(known.attr);
  else node.pages = undefined;
  return { fh: file.fh, open_flags: keeps ? Fopen.KEEP_CACHE : 0, backing_id: 0 };
}

type Content = { readonly size: bigint; readonly mtime_ns: bigint };

export function sameContent(a: Content, b: Content): boolean {
  return a.size === b.size && a.mtime_ns === b.mtime_ns;
}

/** Opening may be answered here: the host let us read this file in this very state before. */
function mayRead(mount: Mount, node: Node, flags: number): boolean {
  if ((flags & OpenFlag.ACCMODE) !== OpenFlag.RDONLY || flags & OpenFlag.TRUNC) return false;
  const known = mount.host.knownAttr(node);
  return known !== undefined && node.readable === versionOf(known.attr).ctime_ns && node.names.size > 0;
}

/** Opens on the host, and asks for the attributes and the beginning of what is opened to be read in the same frame. */
async function open(mount: Mount, node: Node, request: Request<'OPEN'>, call: Call): Promise<OutOf<'OPEN'>> {
  const { host, handles, core } = mount;
  const { flags } = request.in;
  const reads = (flags & OpenFlag.ACCMODE) === OpenFlag.RDONLY && node.type === S_IFREG;
  const known = host.knownAttr(node);
  const isSmall = reads && known !== undefined && known.attr.size <= AHEAD_BYTES;
  return host.stamped(async (stamp) => {
    const { epoch } = core;
    let parts: ReturnType<typeof build>[1] | undefined;
    const build = (remote: Parameters<CompoundRequest['add']>[1]) => {
      const frame = new CompoundRequest();
      const opened = frame.add('OPEN', remote, { flags, open_flags: request.in.open_flags });
      const from = { fh: opened };
      const attr = frame.add('GETATTR', remote, { getattr_flags: GETATTR_FH, fh: FILLED_IN }, { from });
      const wanted = {
        fh: FILLED_IN,
        offset: 0n,
        size: AHEAD_BYTES,
        read_flags: 0,
        lock_owner: 0n,
        flags: 0,
      };
      const read = reads ? frame.add('READ', remote, wanted, { from }) : undefined;
      // What is read whole needs no handle on the host any more.
      const closed = isSmall ? frame.add('RELEASE', remote, CLOSING, { from }) : undefined;
      return [frame, { opened, attr, read, closed }] as const;
    };
    const result = await host.compound(node, call, (remote) => {
      const [frame, made] = build(remote);
      parts = made;
      return frame;
    });
    if (parts === undefined) throw new ErrnoError('EIO');
    const { fh } = result.get(parts.opened);
    const file = handles.openFile(node, flags, fh, epoch);
    try {
      const { attr } = result.get(parts.attr);
      const truncates = (flags & OpenFlag.TRUNC) !== 0;
      if (truncates) mount.nothingAhead(node);
      if (truncates) mount.changed(node, attr);
      else mount.learned(node, attr, host.factOf(stamp, mount.nodes.pathOf(node)), node.changing.size > 0);
      if (parts.read !== undefined) {
        node.readable = versionOf(attr).ctime_ns;
        const data = Buffer.from(result.get(parts.read));
        const isWhole = BigInt(data.length) === attr.size;
        file.ahead = { data, isWhole, at: performance.now() };
      }
    } catch (error) {
      // Opened it is; what else was asked for is asked for again when it is needed.
      if (!(error instanceof ErrnoError)) throw error;
    }
    // It is opened again when that is needed.
    if (parts.closed !== undefined && result.has(parts.closed)) file.remote = undefined;
    return openOut(mount, file);
  });
}

/** Reads from what came with the opening, as long as the file is known to be what it was then. */
function readAhead(mount: Mount, file: OpenFile, offset: bigint, size: number): Buffer | undefined {
  const { ahead, node } = file;
  if (ahead === undefined) return undefined;
  const from = Number(offset);
  const covered = from + size <= ahead.data.length || (ahead.isWhole && from <= ahead.data.length);
  const isCurrent = mount.host.knownAttr(node) !== undefined || performance.now() - ahead.at < AHEAD_MS;
  if (!covered || !isCurrent) {
    if (!isCurrent) file.ahead = undefined;
    return undefined;
  }
  return ahead.data.subarray(from, from + size);
}

function read(mount: Mount, file: OpenFile, request: Request<'READ'>, call: Call): Promise<OutOf<'READ'>> {
  return mount.host.onFile(file, call, (fh, remote) =>
    mount.core.session.request('READ', remote, { ...request.in, fh }, { patient: true, signal: call.signal }),
  );
}

async function write(mount: Mount, request: Request<'WRITE'>, call: Call): Promise<OutOf<'WRITE'>> {
  const file = mount.file(request.in.fh);
  const { node } = file;
  mount.nothingAhead(node);
  if (mount.writeBehind.mayWait(file, request)) {
    await mount.writeBehind.write(file, request, call);
    return { size: request.data.length };
  }
  await mount.writeBehind.settle(file, call);
  return mount.changing(node, () =>
    mount.host.onFile(file, call, async (fh, remote) => {
      const frame = new CompoundRequest();
      const written = frame.add('WRITE', remote, { ...request.in, fh }, { data: request.data });
      const after = frame.add('GETATTR', remote, { getattr_flags: GETATTR_FH, fh });
      const result = await mount.core.session.compound(frame, { patient: true, signal: call.signal });
      const reply = result.get(written);
      if (result.has(after)) mount.changed(node, result.get(after).attr);
      else node.attr = undefined;
      return reply;
    }),
  );
}

async function setattr(mount: Mount, request: Request<'SETATTR'>, call: Call): Promise<OutOf<'SETATTR'>> {
  const node = mount.node(request.header.nodeid);
  const scripted = mount.echo.attributes(call, node);
  if (scripted !== undefined) return scripted;
  const change = {
    ...request.in,
    uid: mount.ids.uidThere(request.in.uid),
    gid: mount.ids.gidThere(request.in.gid),
  };
  if (
    node.type === S_IFDIR &&
    node.names.size === 0 &&
    node !== mount.nodes.root &&
    node.seen !== undefined
  ) {
    // A removed directory that somebody still has open: nobody else can see what becomes of it.
    node.seen = withChange(node.seen, change);
    return attrOut(mount, node, { ...node.seen, nlink: 0 }, 0);
  }
  return mount.changing(node, async () => {
    const named = (change.valid & Fattr.FH) !== 0 ? mount.handles.file(change.fh) : undefined;
    // What has no name any more is reached through whoever has it open.
    const file =
      named ?? (node.names.size === 0 && node !== mount.nodes.root ? [...node.open][0] : undefined);
    const behind = await mount.writeBehind.flushWith(node, call, {
      add: (frame, fh, remote) =>
        frame.add('SETATTR', remote, { ...change, fh, valid: change.valid | Fattr.FH }),
    });
    const reply =
      behind !== undefined
        ? behind.reply
        : file === undefined
          ? await mount.host.ask(node, 'SETATTR', { ...change, valid: change.valid & ~Fattr.FH }, call)
          : await mount.host.onFile(file, call, async (fh) => {
              const remote = await mount.host.locate(node, call).catch(() => node.remote ?? (0n as never));
              const fixed = { ...change, fh, valid: change.valid | Fattr.FH };
              return mount.core.session.request('SETATTR', remote, fixed, {
                patient: true,
                signal: call.signal,
              });
            });
    if (change.valid & Fattr.SIZE) mount.nothingAhead(node);
    mount.changed(node, reply.attr);
    return attrOut(mount, node, reply.attr, mount.host.attrMs(node));
  });
}

function withChange(attr: Attr, change: Request<'SETATTR'>['in']): Attr {
  const { valid } = change;
  return {
    ...attr,
    ...(valid & Fattr.MODE && { mode: (attr.mode & S_IFMT) | (change.mode & 0o7777) }),
    ...(valid & Fattr.UID && { uid: change.uid }),
    ...(valid & Fattr.GID && { gid: change.gid }),
    ...(valid & Fattr.ATIME && { atime: change.atime, atimensec: change.atimensec }),
    ...(valid & Fattr.MTIME && { mtime: change.mtime, mtimensec: change.mtimensec }),
  };
}

async function close(mount: Mount, file: OpenFile): Promise<void> {
  await mount.writeBehind.flush(file.node, undefined);
  await closeForGood(mount, file);
  mount.handles.closeFile(file);
  mount.nodes.closed(file.node);
  const { remote } = file;
  if (remote === undefined || file.epoch !== mount.core.epoch) return;
  const fixed = { fh: remote, flags: 0, release_flags: 0, lock_owner: 0n };
  // Lost with the agent, it is closed already.
  await mount.core.session.request('RELEASE', 1n as never, fixed, { patient: true }).catch(() => undefined);
}

export const fileHandlers: MountHandlers = {
  OPEN(mount, request, call) {
    const node = mount.node(request.header.nodeid);
    const { flags } = request.in;
    if (mount.echo.isEcho(call)) {
      const file = mount.handles.openFile(node, flags, undefined, 0, true);
      return { fh: file.fh, open_flags: Fopen.KEEP_CACHE | Fopen.NOFLUSH, backing_id: 0 };
    }
    if (node.behind !== undefined)
      return mount.writeBehind.flush(node, call).then(() => open(mount, node, request, call));
    const reads = (flags & (OpenFlag.ACCMODE | OpenFlag.TRUNC)) === OpenFlag.RDONLY && node.type === S_IFREG;
    if (mayRead(mount, node, flags)) {
      const data = mount.contentAhead.take(node);
      const file = mount.handles.openFile(node, flags, undefined, 0);
      if (data !== undefined) {
        file.ahead = { data, isWhole: true, at: performance.now() };
        mount.contentAhead.opened(node);
      }
      return openOut(mount, file);
    }
    if (reads) mount.contentAhead.opened(node);
    return open(mount, node, request, call);
  },

  async CREATE(mount, request, call) {
    const parent = mount.node(request.header.nodeid);
    const key = keyOf(request.names[0]);
    const { names } = request;
    const { epoch } = mount.core;
    const before = parent.children.get(key)?.node;
    if (before !== undefined) await mount.writeBehind.flush(before, call);
    return mount.changing(parent, async () => {
      const { entry, open: opened } = await mount.host.ask(parent, 'CREATE', request.in, call, { names });
      const reply = made(mount, parent, key, entry);
      const node = mount.node(reply.nodeid);
      node.pages = versionOf(entry.attr);
      // What is made just now has none; another file may be opened only where it need not be made.
      if (request.in.flags & OpenFlag.EXCL) node.bare = mount.host.settled(mount.nodes.pathOf(node));
      const file = mount.handles.openFile(node, request.in.flags, opened.fh, epoch);
      return { entry: reply, open: { fh: file.fh, open_flags: 0, backing_id: 0 } };
    });
  },

  async TMPFILE(mount, request, call) {
    const parent = mount.node(request.header.nodeid);
    const { epoch } = mount.core;
    const { entry, open: opened } = await mount.host.ask(parent, 'TMPFILE', request.in, call, {
      names: request.names,
    });
    const node = mount.host.nodeOf(parent, '', entry);
    const file = mount.handles.openFile(node, request.in.flags, opened.fh, epoch);
    mount.nodes.hold(node);
    return {
      entry: { ...entry, nodeid: node.id, attr: attrOut(mount, node, entry.attr, 0).attr },
      open: { fh: file.fh, open_flags: 0, backing_id: 0 },
    };
  },

  READ(mount, request, call) {
    const file = mount.file(request.in.fh);
    const { offset, size } = request.in;
    if (file.isEcho) return EMPTY;
    if (file.node.behind !== undefined)
      return mount.writeBehind.flush(file.node, call).then(() => read(mount, file, request, call));
    return readAhead(mount, file, offset, size) ?? read(mount, file, request, call);
  },

  WRITE: write,

  async FLUSH(mount, request, call) {
    const file = mount.file(request.in.fh);
    if (file.isEcho) return undefined;
    try {
      await mount.writeBehind.settle(file, call);
    } finally {
      await closeByOwner(mount, file, request.in.lock_owner);
    }
    return undefined;
  },

  RELEASE(mount, request) {
    const file = mount.handles.file(request.in.fh);
    if (file === undefined) return undefined;
    if (!file.isEcho) return close(mount, file).then(() => undefined);
    mount.handles.closeFile(file);
    mount.nodes.closed(file.node);
    return undefined;
  },

  async FSYNC(mount, request, call) {
    const file = mount.file(request.in.fh);
    if (file.isEcho) return undefined;
    const behind = await mount.writeBehind.flushWith(file.node, call, {
      add: (frame, fh, remote) => frame.add('FSYNC', remote, { ...request.in, fh }),
      deadlineMs: SYNC_DEADLINE_MS,
    });
    await mount.writeBehind.settle(file, call);
    if (behind !== undefined) return undefined;
    await mount.host.onFile(file, call, (fh, remote) =>
      mount.core.session.request(
        'FSYNC',
        remote,
        { ...request.in, fh },
        { patient: true, signal: call.signal, deadlineMs: SYNC_DEADLINE_MS },
      ),
    );
    return undefined;
  },

  async FALLOCATE(mount, request, call) {
    const file = mount.file(request.in.fh);
    const { node } = file;
    mount.nothingAhead(node);
    await mount.writeBehind.flush(node, call);
    await mount.changing(node, () =>
      mount.host.onFile(file, call, async (fh, remote) => {
        const frame = new CompoundRequest();
        const done = frame.add('FALLOCATE', remote, { ...request.in, fh });
        const after = frame.add('GETATTR', remote, { getattr_flags: GETATTR_FH, fh });
        const result = await mount.core.session.compound(frame, { patient: true, signal: call.signal });
        result.get(done);
        if (result.has(after)) mount.changed(node, result.get(after).attr);
        else node.attr = undefined;
      }),
    );
    return undefined;
  },

  async LSEEK(mount, request, call) {
    const file = mount.file(request.in.fh);
    await mount.writeBehind.flush(file.node, call);
    return mount.host.onFile(file, call, (fh, remote) =>
      mount.core.session.request(
        'LSEEK',
        remote,
        { ...request.in, fh },
        { patient: true, signal: call.signal },
      ),
    );
  },

  SETATTR: setattr,

  COPY_FILE_RANGE_64: (mount, request, call) => copyRange(mount, request, call),
};

/** What a disk may take to flush, in ms. */
const SYNC_DEADLINE_MS = 600_000;

async function copyRange(
  mount: Mount,
  request: Request<'COPY_FILE_RANGE_64'>,
  call: Call,
): Promise<OutOf<'COPY_FILE_RANGE_64'>> {
  const from = mount.file(request.in.fh_in);
  const to = mount.file(request.in.fh_out);
  if (from.node.sb !== to.node.sb) throw new ErrnoError('EXDEV');
  mount.nothingAhead(to.node);
  for (const { node } of [from, to]) await mount.writeBehind.flush(node, call);
  return mount.changing(to.node, () =>
    mount.host.onFile(from, call, async (fh_in, remote) => {
      const fh_out: Fh = await mount.host.handleOf(to, call);
      const frame = new CompoundRequest();
      const nodeid_out = to.node.remote ?? remote;
      const copied = frame.add('COPY_FILE_RANGE_64', remote, { ...request.in, fh_in, fh_out, nodeid_out });
      const after = frame.add('GETATTR', nodeid_out, { getattr_flags: GETATTR_FH, fh: fh_out });
      const result = await mount.core.session.compound(frame, { patient: true, signal: call.signal });
      const reply = result.get(copied);
      if (result.has(after)) mount.changed(to.node, result.get(after).attr);
      return reply;
    }),
  );
}
