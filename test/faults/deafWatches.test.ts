import assert from 'node:assert/strict';
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { close } from '../../src/agent/libc/files';
import { Libc } from '../../src/agent/libc/libc';
import { runSync } from '../../src/agent/libc/op';
import { HandlePaths } from '../../src/agent/watch/handlePaths';
import { ErrnoError } from '../../src/protocol/errno';
import { EVENT_FRESH } from '../../src/protocol/livemount';
import { In } from '../../src/protocol/mask';
import { eventually, scratch } from '../client/support/hostAgent';
import { Harness, type HarnessOptions } from '../watch/harness';

const NOTHING = openSync('/dev/null', 'r');

/** Ways in which a queue of the kernel is lost to whoever reads it. */
const LOSSES: Record<string, (fd: number) => void> = {
  'is closed': (fd) => runSync(close(fd)),
  'is another file': (fd) => {
    assert.equal(Number(Libc.shared().bind('dup3', ['int', 'int', 'int']).sync([NOTHING, fd, 0])), fd);
  },
};

/** A watched folder, and the descriptors that its watches are read from. */
async function watched(t: TestContext, options: HarnessOptions) {
  const dir = scratch(t);
  const queues: number[] = [];
  const harness: Harness = new Harness({
    ...options,
    mayLog: /^watching .* anew/,
    openSource: (fd, onBytes, onEnd) => {
      queues.push(fd);
      return harness.pump.read(fd, onBytes, onEnd);
    },
  });
  t.after(() => harness.dispose());
  mkdirSync(join(dir, 'folder'));
  const listener = harness.listen();
  const { sb } = await listener.watch(dir);
  // Other mounts of the machine come and go.
  const record = () => listener.mountRecords.filter((mount) => mount.sb === sb).at(-1);
  await harness.caughtUp();
  const told = (name: string) =>
    eventually(`word of ${name}`, () => listener.heard.some(({ path }) => `/${path}` === join(dir, name)));
  const fresh = () =>
    listener.heard.filter(({ mask, flags }) => (mask & In.Q_OVERFLOW) !== 0 && (flags & EVENT_FRESH) !== 0)
      .length;
  return { dir, queues, harness, record, told, fresh };
}

for (const backend of ['inotify', 'fanotify'] as const)
  for (const [loss, lose] of Object.entries(LOSSES))
    test(`nothing is believed of before, and later changes are told, when the queue of ${backend} ${loss}`, async (t) => {
      const { dir, queues, record, told, fresh } = await watched(t, backend === 'inotify' ? { backend } : {});
      for (let time = 1; time <= 3; time++) {
        const before = fresh();
        const queue = queues.at(-1);
        assert.ok(queue !== undefined && queues.length === time, `${queues.length} queues`);
        lose(queue);
        // It wakes who waits for the queue, and opens nothing that could get the queue's number.
        mkdirSync(join(dir, `lost${time}`));
        // Once when it was lost, and once when the next one is in force.
        await eventually('word that something was missed', () => fresh() >= before + 2);
        writeFileSync(join(dir, `folder/later${time}`), '');
        await told(`folder/later${time}`);
      }
      const { backend: now, reason } = record() ?? {};
      assert.equal(now, backend === 'inotify' ? 'poll' : 'inotify');
      assert.match(reason ?? '', /could not be read any more/);
    });

test('a filesystem whose folders can never be found by handle is watched folder by folder', async (t) => {
  const { dir, record, told, harness } = await watched(t, {});
  const placeOf = t.mock.method(HandlePaths.prototype, 'open' as never, () => {
    throw new ErrnoError('EPERM', 'looking for a directory by its handle');
  });
  for (let i = 0; i < 40 && record()?.backend !== 'inotify'; i++) {
    mkdirSync(join(dir, `new${i}/below`), { recursive: true });
    writeFileSync(join(dir, `new${i}/below/file`), '');
    await harness.caughtUp();
  }
  const { backend, reason } = record() ?? {};
  assert.equal(backend, 'inotify');
  assert.match(reason ?? '', /could not be found/);
  const looked = placeOf.mock.callCount();
  writeFileSync(join(dir, 'folder/later'), '');
  await told('folder/later');
  assert.equal(placeOf.mock.callCount(), looked);
});

test.after(() => closeSync(NOTHING));
