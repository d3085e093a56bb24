// What no honest agent sends: it ends its request or its channel, with a reason, and nothing else.
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { Superblock } from '../../src/client/superblocks/superblock';
import { SuperblockTable } from '../../src/client/superblocks/superblockTable';
import type { Vfs } from '../../src/client/vfs';
import type { Mask, SuperblockId } from '../../src/protocol/brand';
import { encodeNotifyFrame, encodeReplyFrame } from '../../src/protocol/frame';
import { InHeader, OutHeader, ReadIn } from '../../src/protocol/fuse';
import { decodeEvents, encodeEvents, type FsEvent } from '../../src/protocol/events';
import { decodeMount, encodeMount, type MountRecord } from '../../src/protocol/mountRecord';
import { MOUNT_HIDDEN, MountAction } from '../../src/protocol/livemount';
import { In } from '../../src/protocol/mask';
import { normalize } from '../../src/protocol/paths';
import { decodeUnfinished, encodeUnfinished } from '../../src/protocol/recover';
import { Notify, ops } from '../../src/protocol/opcodes';
import { connected, eventually, type Setting } from '../client/support/hostAgent';

/** Why the link was lost, each time. */
function losses(vfs: Vfs): string[] {
  const reasons: string[] = [];
  vfs.onStateChange((state, reason) => {
    if (state === 'reconnecting') reasons.push(reason);
  });
  return reasons;
}

/** The client works: it lists the folder over the link of now. */
async function works({ vfs, dir }: Pick<Setting, 'vfs' | 'dir'>): Promise<void> {
  await eventually('the link is back', () => vfs.state === 'connected');
  fs.writeFileSync(path.join(dir, 'proof'), '');
  await vfs.lstat(dir, { fresh: true });
  assert.ok((await vfs.readDirectory(dir)).some(({ name }) => name === 'proof'));
}

for (const [name, code] of Object.entries(Notify)) {
  if (!['FSNOTIFY', 'MOUNT', 'FS_ERROR', 'PROGRESS'].includes(name)) continue;
  test(`a torn ${name} ends the channel with a reason, and the session goes on over the next one`, async (t) => {
    const setting = await connected(t);
    const reasons = losses(setting.vfs);
    setting.link.wire.client.push(encodeNotifyFrame(code, Buffer.alloc(7, 0xff)));
    await eventually('the channel was ended', () => reasons.length === 1);
    assert.match(reasons[0] ?? '', /notification/);
    await works(setting);
    assert.equal(setting.link.wires.length, 2);
  });
}

test('an agent that sends nonsense on each channel is asked again after growing pauses', async (t) => {
  const setting = await connected(t);
  const { vfs, link } = setting;
  const reasons = losses(vfs);
  let isBad = true;
  const spoil = (wire: Setting['link']['wire']) => {
    wire.filter = ({ direction, frame }) => {
      const isResumed = direction === 'down' && OutHeader.read(frame, 0).unique === 4n;
      if (isResumed && isBad) {
        setImmediate(() => wire.client.push(encodeNotifyFrame(Notify.FSNOTIFY, Buffer.alloc(3))));
      }
      return true;
    };
  };
  link.onWire = spoil;
  link.wire.client.push(encodeNotifyFrame(Notify.FSNOTIFY, Buffer.alloc(3)));
  await eventually('it was tried twice', () => reasons.length >= 2);
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.ok(reasons.length <= 2, `${reasons.length} attempts`);
  isBad = false;
  vfs.reconnect();
  await works(setting);
});

for (const [name, unique] of [
  ['INIT', 2n],
  ['RESUME', 4n],
] as const) {
  test(`a second answer to ${name} ends the channel, and requests are answered over the next one`, async (t) => {
    const setting = await connected(t);
    const { vfs, link, dir } = setting;
    let answer: Buffer | undefined;
    link.onWire = (wire) => {
      wire.filter = ({ direction, frame }) => {
        if (direction === 'down' && OutHeader.read(frame, 0).unique === unique) answer ??= Buffer.from(frame);
        return true;
      };
    };
    link.wire.break();
    await eventually('the next link is there', () => answer !== undefined && vfs.state === 'connected');
    const reasons = losses(vfs);
    assert.ok(answer);
    // The whole answer once more, or a refusal that nobody asked for.
    link.wire.client.push(answer);
    await eventually('the channel was ended', () => reasons.length === 1);
    await works(setting);
    link.wire.client.push(encodeReplyFrame(unique, -5));
    await eventually('the channel was ended again', () => reasons.length === 2);
    vfs.reconnect();
    await works(setting);
    assert.equal((await vfs.stat(dir)).kind, 'directory');
  });
}

test('a directory whose listing never ends is refused, not read for ever', async (t) => {
  const { vfs, dir, link } = await connected(t);
  fs.writeFileSync(path.join(dir, 'file'), '');
  await vfs.stat(dir);
  let listings = 0;
  // Each READDIRPLUS comes empty, and the compound ends without its RELEASEDIR: there is more, they say.
  link.wire.filter = ({ direction, frame }) => {
    if (direction === 'down' || InHeader.read(frame, 0).opcode !== ops.COMPOUND.code) return true;
    const at = frame.indexOf(headOf('READDIRPLUS'));
    if (at < 0) return true;
    listings++;
    // Behind an offset far behind the end there is nothing. What follows is no operation, so the directory stays open.
    frame.writeBigUInt64LE(1n << 62n, at + InHeader.size + ReadIn.offsetOf('offset'));
    const close = frame.indexOf(headOf('RELEASEDIR'), at);
    frame.writeUInt32LE(9999, close + InHeader.offsetOf('opcode'));
    return true;
  };
  await assert.rejects(vfs.readDirectory(dir), { code: 'EIO' });
  assert.ok(listings < 10, `${listings} requests`);
});

/** How the header of a request in a compound begins: its length and its opcode. */
function headOf(op: 'READDIRPLUS' | 'RELEASEDIR'): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(InHeader.size + (ops[op].in?.size ?? 0), 0);
  head.writeUInt32LE(ops[op].code, InHeader.offsetOf('opcode'));
  return head;
}

/** A mount as an agent may make it up. */
function mountOf(id: number, more: Partial<MountRecord> = {}): Buffer {
  return encodeMount({
    sb: BigInt(1_000_000 + id) as SuperblockId,
    parent: 1n as SuperblockId,
    action: MountAction.CAME,
    flags: 0,
    major: 0,
    minor: 1,
    mountId: id,
    backend: 'inotify',
    pollMs: 0,
    mountpoint: Buffer.from(`/made-up/${id}`),
    fstype: 'tmpfs',
    source: '',
    options: '',
    unwatched: [],
    reason: '',
    ...more,
  });
}

test('a flood of mounts is bounded, said to be cut, and nothing is believed for long while it is', async (t) => {
  const { vfs, dir, link } = await connected(t);
  const watch = vfs.watch(dir, { recursive: true }, () => undefined);
  t.after(() => watch.dispose());
  await watch.ready;
  const text = 'x'.repeat(15_000);
  for (let id = 0; id < 6000; id++) {
    const body = mountOf(id, { source: text, options: text, reason: text });
    link.wire.client.push(encodeNotifyFrame(Notify.MOUNT, body));
  }
  link.wire.client.push(
    encodeNotifyFrame(Notify.MOUNT, mountOf(7000, { mountpoint: Buffer.from(`/${'deep/'.repeat(1000)}`) })),
  );
  await eventually('all are taken in', () => vfs.superblocks().length + vfs.mountsLeftOut > 6000);
  const kept = vfs.superblocks();
  assert.ok(kept.length <= 4096, `${kept.length} are kept`);
  for (const { mount } of kept) {
    assert.ok(mount.mountpoint.length < 100);
    assert.ok([mount.source, mount.options, mount.reason].every((shown) => shown.length <= 1024));
  }
  await vfs.stat(dir);
  const told = await vfs.explain(dir);
  assert.equal(told.lease, 'timeout');
  assert.ok(told.blindSpots.some((spot) => spot.includes('more mounts')));
  for (let id = 0; id < 7001; id++) {
    const body = mountOf(id, { action: MountAction.WENT });
    link.wire.client.push(encodeNotifyFrame(Notify.MOUNT, body));
  }
  await eventually('none is left out any more', () => vfs.mountsLeftOut === 0);
  await eventually('the watch vouches again', () => vfs.superblocks().length < 4096);
  await vfs.stat(dir);
  assert.equal((await vfs.explain(dir)).lease, 'lease');
});

test('a change of one mount looks at no other', (t) => {
  const table = new SuperblockTable(() => undefined);
  const record = (id: number, action: number) => decodeMount(mountOf(id, { action }));
  for (let id = 0; id < 4000; id++) table.apply(record(id, MountAction.CAME));
  const { mock } = t.mock.getter(Superblock.prototype, 'mountpoint');
  table.apply(record(5, MountAction.CHANGED));
  table.apply(record(5, MountAction.WENT));
  table.apply(record(4001, MountAction.CAME));
  assert.ok(mock.callCount() < 20, `${mock.callCount()} looks`);
  assert.equal(table.mountedAt(normalize('/made-up/5')), undefined);
  assert.equal(table.mountedAt(normalize('/made-up/4001'))?.id, 1_004_001n);
});

test('of mounts over each other the last one that is not hidden shows, whatever goes', () => {
  const table = new SuperblockTable(() => undefined);
  const at = (id: number, action: number, flags = 0) =>
    table.apply(decodeMount(mountOf(id, { action, flags, mountpoint: Buffer.from('/mnt') })));
  const shows = () => Number((table.mountedAt(normalize('/mnt'))?.id ?? 1_000_000n) - 1_000_000n);
  at(1, MountAction.CAME);
  at(2, MountAction.CAME);
  assert.equal(shows(), 2);
  at(2, MountAction.CHANGED, MOUNT_HIDDEN);
  assert.equal(shows(), 1);
  at(2, MountAction.CHANGED);
  assert.equal(shows(), 2);
  at(2, MountAction.WENT);
  assert.equal(shows(), 1);
  at(1, MountAction.WENT);
  assert.equal(shows(), 0);
});

test('a list of unfinished saves is cut, and one with a path that can not be is refused', () => {
  const save = (id: number, length: number) => ({
    id: BigInt(id),
    kind: 1,
    timeNs: 0n,
    size: 0n,
    path: Buffer.alloc(length, 'a'),
    kept: Buffer.from('/kept'),
  });
  const many = Array.from({ length: 6000 }, (_, id) => save(id, 20));
  assert.equal(decodeUnfinished(encodeUnfinished(many)).length, 256);
  assert.throws(() => decodeUnfinished(encodeUnfinished([save(1, 50_000)])), { code: 'EIO' });
  const claims = encodeUnfinished([]);
  claims.writeUInt32LE(0xffffffff, 0);
  assert.throws(() => decodeUnfinished(claims), { code: 'EIO' });
});

test('paths that leave their superblock, or are none, come from no event', () => {
  const event = (name: string) =>
    encodeEvents({
      sb: 1n as SuperblockId,
      flags: 0,
      events: [
        {
          seq: 1n,
          timeNs: 0n,
          mask: In.CREATE as Mask,
          path: Buffer.from(name),
          version: { ino: 0n, size: 0n, mtime_ns: 0n, ctime_ns: 0n },
          mode: 0,
          flags: 0,
        },
      ],
    });
  for (const name of ['../../etc/passwd', 'a/../b', '/etc/passwd', 'a\0b', '..'])
    assert.throws(() => decodeEvents(event(name)), { code: 'EIO' }, name);
  for (const name of ['', 'a..b/..c', 'a/b..']) assert.equal(decodeEvents(event(name)).events.length, 1);
});

test('a neighbour that writes without end to a file whose save is answered late fills no memory, and is told of', async (t) => {
  const { vfs, dir, link } = await connected(t);
  const file = path.join(dir, 'file');
  fs.writeFileSync(file, 'old');
  const heard: string[] = [];
  const watch = vfs.watch(dir, { recursive: true }, (changes) => {
    heard.push(...changes.filter((change) => change.path === file).map(({ kind }) => kind));
  });
  t.after(() => watch.dispose());
  await watch.ready;
  const { version } = await vfs.stat(file);
  const { wire } = link;
  let late: Buffer | undefined;
  wire.filter = ({ direction, frame }) => {
    if (direction === 'up' || late !== undefined || OutHeader.read(frame, 0).unique === 0n) return true;
    late = Buffer.from(frame);
    return false;
  };
  const saving = vfs.writeFile(file, Buffer.from('new'), { create: true, overwrite: true, expect: version });
  await eventually('the answer is on its way', () => late !== undefined);
  const before = heard.length;
  for (let i = 0; i < 500; i++) {
    const [mount] = vfs
      .superblocks()
      .filter(({ mountpoint }) => file.startsWith(mountpoint))
      .slice(-1);
    assert.ok(mount);
    const event: FsEvent = {
      seq: BigInt(1_000_000 + i),
      timeNs: 0n,
      mask: In.MODIFY as Mask,
      path: Buffer.from(path.relative(mount.mountpoint, file)),
      version: { ino: 1n, size: BigInt(i), mtime_ns: 0n, ctime_ns: 0n },
      mode: 0o100644,
      flags: 0,
    };
    const body = encodeEvents({ sb: mount.mount.sb, flags: 0, events: [event] });
    wire.client.push(encodeNotifyFrame(Notify.FSNOTIFY, body));
  }
  await eventually('most are told before the answer', () => heard.length - before > 400);
  wire.client.push(late as Buffer);
  await saving;
});
