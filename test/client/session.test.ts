import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { Attr, EntryOut, InHeader, OutHeader } from '../../src/protocol/fuse';
import { WalkOut, WalkStep } from '../../src/protocol/livemount';
import { ops } from '../../src/protocol/opcodes';
import { connectVfs } from '../../src/client/connect';
import { connected, eventually, HostAgent, scratch, WireLink } from './support/hostAgent';

test('a bad reply is EIO for its request alone', async (t) => {
  const { vfs, dir, link } = await connected(t);
  fs.writeFileSync(path.join(dir, 'file'), 'content');
  await vfs.stat(dir);
  link.wire.filter = ({ direction, frame }) => {
    // The mode of the walk's only entry loses its file type.
    if (direction === 'down' && OutHeader.read(frame, 0).unique !== 0n && frame.length > 150) {
      const attr = WalkStep.offsetOf('entry') + EntryOut.offsetOf('attr');
      frame.writeUInt32LE(0o644, OutHeader.size + WalkOut.size + attr + Attr.offsetOf('mode'));
      link.wire.filter = () => true;
    }
    return true;
  };
  await assert.rejects(vfs.stat(path.join(dir, 'file')), { code: 'EIO' });
  assert.equal((await vfs.stat(path.join(dir, 'file'))).size, 7n);
  assert.equal(vfs.state, 'connected');
});

test('a bad frame ends the connection with a clear reason, and the next one answers', async (t) => {
  const { vfs, dir, link } = await connected(t);
  const reasons: string[] = [];
  vfs.onStateChange((state, reason) => {
    if (state === 'reconnecting') reasons.push(reason);
  });
  link.wire.filter = ({ direction, frame }) => {
    if (direction === 'down') frame.writeInt32LE(77, 4);
    return true;
  };
  assert.equal((await vfs.stat(dir)).kind, 'directory');
  assert.match(reasons[0] ?? '', /a reply with error 77/);
});

test('what answers must be an agent of ours', async (t) => {
  const agent = new HostAgent();
  t.after(() => agent.close());
  const link = new WireLink(agent, false);
  link.onWire = (wire) => {
    wire.filter = ({ direction, frame }) => {
      if (direction === 'up' && InHeader.read(frame, 0).opcode === ops.INIT.code)
        frame.fill(0, 40 + 20, 40 + 32);
      return true;
    };
  };
  await assert.rejects(connectVfs(link), /no Livemount agent/);
});

test('a superblock that does not answer in time is reported as not responding, holds nobody else up, and comes back by itself', async (t) => {
  const { vfs, dir, link } = await connected(t, { deadlineMs: 60 });
  const point = path.join(dir, 'slow');
  fs.mkdirSync(point);
  await vfs.stat(dir);
  const held = link.wire;
  const interrupted: bigint[] = [];
  const kept: Buffer[] = [];
  held.filter = ({ direction, frame }) => {
    if (direction === 'down') return true;
    const { opcode } = InHeader.read(frame, 0);
    if (opcode === ops.INTERRUPT.code) interrupted.push(frame.readBigUInt64LE(40));
    const wholeMount = opcode === ops.WALK.code && frame.subarray(48).equals(Buffer.from('/\0'));
    if (!frame.includes('slow') && !wholeMount) return true;
    kept.push(frame);
    return false;
  };
  const states: boolean[] = [];
  const root = () => vfs.superblocks().find((one) => one.mountpoint === '/');
  vfs.onSuperblocksChange(() => states.push(root()?.notResponding ?? false));
  await assert.rejects(vfs.stat(path.join(point, 'file')), { code: 'ETIMEDOUT' });
  assert.equal(interrupted.length, 1, 'INTERRUPT reached the host');
  assert.equal(root()?.notResponding, true);
  // Another superblock is not held up.
  assert.equal((await vfs.stat('/proc')).kind, 'directory');
  // Nobody waits twice for it.
  await assert.rejects(vfs.stat(path.join(point, 'other')), { code: 'ETIMEDOUT' });
  await eventually('it was told', () => states.includes(true));
  held.filter = () => true;
  for (const frame of kept) held.server.push(frame);
  await eventually('it came back', () => root()?.notResponding === false);
  await assert.rejects(vfs.stat(path.join(point, 'file')), { code: 'ENOENT' });
  await eventually('that was told, too', () => states.at(-1) === false);
});

test('a request that is cancelled is interrupted, and what its late reply holds is given back', async (t) => {
  const { vfs, dir, link } = await connected(t);
  fs.writeFileSync(path.join(dir, 'file'), 'content');
  const { wire } = link;
  const kept: Buffer[] = [];
  let hold = true;
  wire.filter = ({ direction, frame }) => {
    if (direction === 'up' || !hold || OutHeader.read(frame, 0).unique === 0n) return true;
    kept.push(Buffer.from(frame));
    return false;
  };
  const cancel = new AbortController();
  const reading = vfs.readFile(path.join(dir, 'file'), { signal: cancel.signal });
  await eventually('the reply is on its way', () => kept.length > 0);
  cancel.abort();
  await assert.rejects(reading, { code: 'ECANCELED' });
  await eventually('the host was told', () => wire.requests.includes('INTERRUPT'));
  assert.ok(!wire.requests.includes('BATCH_FORGET'));
  hold = false;
  for (const frame of kept) wire.client.push(frame);
  await eventually('the lookups were given back', () => wire.requests.includes('BATCH_FORGET'));
});

test('a link that falls silent is given up, and repaired', async (t) => {
  const dir = scratch(t);
  const agent = new HostAgent();
  const link = new WireLink(agent, false);
  const vfs = await connectVfs(link, { keepaliveMs: 20 });
  t.after(async () => {
    vfs.dispose();
    await agent.close();
  });
  const states: string[] = [];
  vfs.onStateChange((state, reason) => states.push(`${state} ${reason}`));
  link.wire.filter = () => false;
  await eventually('it was noticed', () =>
    states.some((state) => /reconnecting.*nothing was heard/.test(state)),
  );
  await eventually('it was repaired', () => vfs.state === 'connected' && link.wires.length === 2);
  assert.equal((await vfs.stat(dir)).kind, 'directory');
});

test('after dispose nothing is left: the session is gone at once, and calls fail', async (t) => {
  const { vfs, dir, agent } = await connected(t);
  const watch = vfs.watch(dir, { recursive: true }, () => undefined);
  await watch.ready;
  assert.equal(agent.sessions, 1);
  vfs.dispose();
  await eventually('the session is gone', () => agent.sessions === 0);
  await eventually('the state says so', () => vfs.state === 'closed');
  await assert.rejects(vfs.stat(path.join(dir, 'other')), { code: 'ENOTCONN' });
  watch.dispose();
});
