// What a caller hands to the client to be called may fail, or be many: that is the caller's own trouble.
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { encodeNotifyFrame } from '../../src/protocol/frame';
import { OutHeader } from '../../src/protocol/fuse';
import { ProgressOut } from '../../src/protocol/livemount';
import { Notify } from '../../src/protocol/opcodes';
import { connected, eventually } from '../client/support/hostAgent';

test('a watch whose listener throws leaves the other watches, the link and every request alone', async (t) => {
  const failures: unknown[] = [];
  const { vfs, dir, link } = await connected(t, { listenerFailed: (error) => failures.push(error) });
  const lost: string[] = [];
  vfs.onStateChange((state) => lost.push(state));
  const heard: string[] = [];
  const bad = vfs.watch(dir, { recursive: true }, () => {
    throw new Error('of the listener');
  });
  const good = vfs.watch(dir, { recursive: true }, (changes) => {
    heard.push(...changes.map((change) => path.basename(change.path)));
  });
  t.after(() => bad.dispose());
  t.after(() => good.dispose());
  await Promise.all([bad.ready, good.ready]);
  fs.writeFileSync(path.join(dir, 'one'), '');
  await eventually('the other one heard of it', () => heard.includes('one'));
  fs.writeFileSync(path.join(dir, 'two'), '');
  await eventually('and of the next', () => heard.includes('two'));
  assert.equal((await vfs.readDirectory(dir)).length, 2);
  assert.deepEqual(lost, []);
  assert.equal(link.wires.length, 1);
  assert.ok(
    failures.length >= 2 && failures.every((error) => (error as Error).message === 'of the listener'),
  );
});

test('listeners of the state and of mounts that throw keep nobody from connecting again', async (t) => {
  const failures: unknown[] = [];
  const { vfs, dir, link } = await connected(t, { listenerFailed: (error) => failures.push(error) });
  const states: string[] = [];
  const failing = () => {
    throw new Error('of the listener');
  };
  vfs.onStateChange(failing);
  vfs.onStateChange((state) => states.push(state));
  vfs.onSuperblocksChange(failing);
  link.wire.break();
  await eventually('it was repaired', () => states.includes('connected'));
  assert.equal((await vfs.stat(dir)).kind, 'directory');
  await eventually('both were reported', () => failures.length >= 3);
});

test('a progress callback that throws does not end the link', async (t) => {
  const failures: unknown[] = [];
  const { vfs, dir, link } = await connected(t, { listenerFailed: (error) => failures.push(error) });
  fs.writeFileSync(path.join(dir, 'file'), 'content');
  const { wire } = link;
  wire.filter = ({ direction, frame }) => {
    const { unique } = OutHeader.read(frame, 0);
    if (direction === 'up' || unique === 0n) return true;
    // Before its answer the request is said to be half done.
    wire.client.push(encodeNotifyFrame(Notify.PROGRESS, ProgressOut.encode({ unique, done: 1n, total: 2n })));
    return true;
  };
  await vfs.copy(path.join(dir, 'file'), path.join(dir, 'copy'), {
    overwrite: false,
    progress: () => {
      throw new Error('of the callback');
    },
  });
  assert.equal(fs.readFileSync(path.join(dir, 'copy'), 'utf8'), 'content');
  assert.ok(failures.length > 0);
  assert.equal(link.wires.length, 1);
});

test('a large transfer that may be cancelled prints no warning of many listeners', async (t) => {
  const { vfs, dir } = await connected(t);
  const warnings: Error[] = [];
  const warn = (warning: Error) => warnings.push(warning);
  process.on('warning', warn);
  t.after(() => process.off('warning', warn));
  const cancel = new AbortController();
  const content = Buffer.alloc(24 << 20, 7);
  const file = path.join(dir, 'large');
  await vfs.writeFile(file, content, {
    create: true,
    overwrite: false,
    signal: cancel.signal,
    expect: 'any',
  });
  assert.ok((await vfs.readFile(file, { signal: cancel.signal })).equals(content));
  // More at a time than one superblock takes: some wait for their turn.
  const stats = Array.from({ length: 200 }, (_, i) =>
    vfs.stat(path.join(dir, `no${i}`), { signal: cancel.signal }).catch(() => undefined),
  );
  await Promise.all(stats);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(warnings.map(String), []);
});
