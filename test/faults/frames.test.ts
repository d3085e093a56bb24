// What no honest agent sends: it ends its request or its channel, with a reason, and nothing else.
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { Vfs } from '../../src/client/vfs';
import { encodeNotifyFrame, encodeReplyFrame } from '../../src/protocol/frame';
import { InHeader, OutHeader, ReadIn } from '../../src/protocol/fuse';
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
