// The client against an agent whose notifications and handshakes are spoilt at random.
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { encodeNotifyFrame } from '../../src/protocol/frame';
import { OutHeader } from '../../src/protocol/fuse';
import { ErrnoError } from '../../src/protocol/errno';
import { Notify } from '../../src/protocol/opcodes';
import { connected, eventually, type Setting } from '../client/support/hostAgent';
import { isNotification } from '../client/support/wire';
import { Random } from '../watch/random';

const NOTIFICATIONS = 4000;
const HANDSHAKES = 300;

function seedOf(t: TestContext): Random {
  const seed = Number(process.env.LIVEMOUNT_SEED ?? 20261128);
  t.diagnostic(`LIVEMOUNT_SEED=${seed}`);
  return new Random(seed);
}

/** A frame with some of its bytes changed, behind its length word or with it; or cut, or made longer. */
function mutated(random: Random, frame: Buffer): Buffer {
  let result = Buffer.from(frame);
  if (random.below(5) === 0) result = result.subarray(0, 4 + random.below(result.length - 3));
  else if (random.below(8) === 0)
    result = Buffer.concat([result, Buffer.alloc(random.below(300), random.below(256))]);
  for (let changes = random.below(5); changes > 0; changes--) {
    const at = random.below(result.length);
    result[at] = random.pick([0, 0xff, 0x7f, 0x80, random.below(256)]) ?? 0;
  }
  if (random.below(10) > 0 && result.length >= OutHeader.size) result.writeUInt32LE(result.length, 0);
  return result;
}

/** The client has a link again, and works over it. */
async function works({ vfs, dir }: Setting): Promise<void> {
  await eventually('the link is back', () => {
    if (vfs.state === 'reconnecting') vfs.reconnect();
    return vfs.state === 'connected';
  });
  await vfs.lstat(dir, { fresh: true });
  assert.ok((await vfs.readDirectory(dir)).some(({ name }) => name === 'file'));
}

/** Promises that were rejected and had nobody. */
function rejections(t: TestContext): unknown[] {
  const all: unknown[] = [];
  const add = (error: unknown) => all.push(error);
  process.on('unhandledRejection', add);
  t.after(() => process.off('unhandledRejection', add));
  return all;
}

test(`${NOTIFICATIONS} spoilt notifications are taken in or end their channel, and nothing else`, async (t) => {
  const random = seedOf(t);
  const lost = rejections(t);
  const setting = await connected(t, { listenerFailed: (error) => lost.push(error) });
  const { vfs, dir, link } = setting;
  const corpus: Buffer[] = [];
  link.onWire = (wire) => {
    wire.filter = (passing) => {
      if (isNotification(passing)) corpus.push(Buffer.from(passing.frame));
      return true;
    };
  };
  const watch = vfs.watch(dir, { recursive: true }, () => undefined);
  t.after(() => watch.dispose());
  await watch.ready;
  link.wire.break();
  await eventually('it was repaired', () => link.wires.length === 2 && vfs.state === 'connected');
  fs.writeFileSync(path.join(dir, 'file'), 'content');
  fs.renameSync(path.join(dir, 'file'), path.join(dir, 'other'));
  fs.writeFileSync(path.join(dir, 'file'), 'content');
  const codes = () => new Set(corpus.map((frame) => OutHeader.read(frame, 0).error));
  await eventually(
    'mounts and events were told',
    () => codes().has(Notify.FSNOTIFY) && codes().has(Notify.MOUNT),
  );
  link.onWire = () => undefined;
  link.wire.filter = () => true;
  // What this host does not tell of itself.
  corpus.push(encodeNotifyFrame(Notify.FS_ERROR, Buffer.alloc(64, 1)));
  corpus.push(encodeNotifyFrame(Notify.PROGRESS, Buffer.alloc(24, 2)));
  let ended = 0;
  vfs.onStateChange((state) => {
    if (state === 'reconnecting') ended++;
  });
  for (let i = 0; i < NOTIFICATIONS; i++) {
    link.wire.client.push(mutated(random, random.pick(corpus) ?? Buffer.alloc(0)));
    if (i % 5 > 0) continue;
    await new Promise((resolve) => setImmediate(resolve));
    if (vfs.state !== 'connected') {
      await eventually('the link is back', () => {
        if (vfs.state === 'reconnecting') vfs.reconnect();
        return vfs.state === 'connected';
      });
    }
  }
  t.diagnostic(`${ended} channels were ended`);
  assert.ok(ended > NOTIFICATIONS / 100);
  assert.ok(vfs.superblocks().length <= 4096);
  // A frame that was cut waits for its end.
  link.wire.break();
  await works(setting);
  assert.deepEqual(lost, []);
});

test(`${HANDSHAKES} spoilt answers to INIT and RESUME are refused or taken in, and the next channel connects`, async (t) => {
  const random = seedOf(t);
  const lost = rejections(t);
  const setting = await connected(t, { listenerFailed: (error) => lost.push(error) });
  const { vfs, dir, link } = setting;
  fs.writeFileSync(path.join(dir, 'file'), 'content');
  let left = HANDSHAKES;
  link.onWire = (wire) => {
    wire.filter = ({ direction, frame }) => {
      const { unique } = OutHeader.read(frame, 0);
      if (direction === 'up' || (unique !== 2n && unique !== 4n) || left <= 0) return true;
      left--;
      // Another frame in place of this one; one that was cut is never completed.
      wire.client.push(mutated(random, frame));
      setImmediate(() => wire.break());
      return false;
    };
  };
  link.wire.break();
  const asked = (async () => {
    while (left > 0) {
      await vfs.stat(path.join(dir, 'file')).catch((error: unknown) => {
        assert.ok(error instanceof ErrnoError, String(error));
      });
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  })();
  await eventually(
    'all were spoilt',
    () => {
      if (vfs.state === 'reconnecting') vfs.reconnect();
      return left === 0;
    },
    60_000,
  );
  await asked;
  await works(setting);
  assert.deepEqual(lost, []);
});
