import assert from 'node:assert/strict';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { EVENT_FRESH, EVENT_PUBLISHED } from '../../src/protocol/livemount';
import { In } from '../../src/protocol/mask';
import type { Mask } from '../../src/protocol/brand';
import { NO_CURSORS } from '../../src/protocol/resume';
import type { Published } from '../../src/server/watch/contract';
import { Harness, type HarnessOptions, heldClock } from './harness';

/** Runs a test over a folder with one directory in it, "src". */
async function withFolder(
  options: HarnessOptions,
  run: (harness: Harness, src: string) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'livemount-sessions-'));
  const src = join(folder, 'src');
  mkdirSync(src);
  const harness = new Harness({ clock: heldClock, ...options });
  try {
    await run(harness, src);
  } finally {
    harness.dispose();
    rmSync(folder, { recursive: true, force: true });
  }
}

function published(
  harness: Harness,
  kind: Published['kind'],
  path: string,
  path2?: string,
  isDir = false,
): Published {
  const { sb } = harness.mounts.covering(Buffer.from(path));
  const both = path2 === undefined ? {} : { path2: Buffer.from(path2) };
  return { kind, sb, path: Buffer.from(path), ...both, isDir };
}

test('what one session does reaches the others where the host has no notification', async () => {
  await withFolder({ backend: 'none' }, async (harness, src) => {
    const writer = harness.listen();
    const reader = harness.listen();
    const { mountpoint } = await reader.watch(src);
    await writer.watch(src);
    const file = join(src, 'f');
    const step = async (change: Published) => {
      writer.session.publish(change);
      await harness.caughtUp();
      return reader.take(mountpoint, src);
    };
    writeFileSync(file, 'one');
    const expectedFlags = EVENT_PUBLISHED;
    writer.session.publish(published(harness, 'create', file));
    await harness.caughtUp();
    assert.equal(reader.heard[0]?.flags, expectedFlags);
    assert.equal(reader.heard[0]?.version.size, 3n);
    assert.deepEqual(reader.take(mountpoint, src), ['create /f']);
    appendFileSync(file, 'two');
    assert.deepEqual(await step(published(harness, 'modify', file)), ['modify /f']);
    renameSync(file, `${file}2`);
    assert.deepEqual(await step(published(harness, 'rename', file, `${file}2`)), ['rename /f /f2']);
    mkdirSync(join(src, 'd'));
    assert.deepEqual(await step(published(harness, 'create', join(src, 'd'), undefined, true)), [
      'create /d',
    ]);
    unlinkSync(`${file}2`);
    assert.deepEqual(await step(published(harness, 'delete', `${file}2`)), ['delete /f2']);
    assert.deepEqual(writer.take(mountpoint, src), [], 'the writer hears nothing of what it did');
  });
});

for (const backend of ['inotify', 'fanotify', 'poll'] as const) {
  test(`a published change that the host reports as well is one event (${backend})`, async () => {
    await withFolder({ backend }, async (harness, src) => {
      const writer = harness.listen();
      const reader = harness.listen();
      const { mountpoint } = await reader.watch(src);
      await harness.caughtUp();
      const file = join(src, 'f');
      for (const [kind, word] of [
        ['create', 'create'],
        ['modify', 'modify'],
      ] as const) {
        writeFileSync(file, `${kind}!`);
        writer.session.publish(published(harness, kind, file));
        await harness.caughtUp();
        await harness.caughtUp();
        assert.deepEqual(reader.take(mountpoint, src), [`${word} /f`]);
      }
      unlinkSync(file);
      writer.session.publish(published(harness, 'delete', file));
      await harness.caughtUp();
      await harness.caughtUp();
      assert.deepEqual(reader.take(mountpoint, src), ['delete /f']);
    });
  });
}

test('each session hears what its own marks cover', async () => {
  await withFolder({ backend: 'inotify' }, async (harness, src) => {
    mkdirSync(join(src, 'a'));
    mkdirSync(join(src, 'b'));
    const all = harness.listen();
    const onlyA = harness.listen();
    const deletions = harness.listen();
    const { mountpoint } = await all.watch(src);
    await onlyA.watch(join(src, 'a'));
    await deletions.watch(src, { mask: In.DELETE as Mask });
    await harness.caughtUp();
    writeFileSync(join(src, 'a/f'), '');
    writeFileSync(join(src, 'b/g'), '');
    await harness.caughtUp();
    assert.deepEqual(all.take(mountpoint, src), ['create /a/f', 'create /b/g']);
    assert.deepEqual(onlyA.take(mountpoint, src), ['create /a/f']);
    renameSync(join(src, 'a/f'), join(src, 'b/f'));
    await harness.caughtUp();
    assert.deepEqual(all.take(mountpoint, src), ['rename /a/f /b/f']);
    assert.deepEqual(onlyA.take(mountpoint, src), ['delete /a/f'], 'a move out is a deletion');
    renameSync(join(src, 'b/g'), join(src, 'a/g'));
    await harness.caughtUp();
    assert.deepEqual(onlyA.take(mountpoint, src), ['create /a/g'], 'a move in is a creation');
    deletions.heard.length = 0;
    unlinkSync(join(src, 'a/g'));
    await harness.caughtUp();
    assert.deepEqual(deletions.take(mountpoint, src), ['delete /a/g']);
  });
});

test('a full channel gets its events later, from where it stopped', async () => {
  await withFolder({ backend: 'inotify' }, async (harness, src) => {
    const slow = harness.listen();
    const { mountpoint } = await slow.watch(src);
    slow.room = false;
    writeFileSync(join(src, 'a'), '');
    await harness.caughtUp();
    assert.deepEqual(slow.take(mountpoint, src), ['create /a'], 'the batch that filled it was taken');
    writeFileSync(join(src, 'b'), '');
    await harness.caughtUp();
    unlinkSync(join(src, 'a'));
    await harness.caughtUp();
    assert.deepEqual(slow.take(mountpoint, src), []);
    slow.room = true;
    harness.service.drained(slow.session);
    assert.deepEqual(slow.take(mountpoint, src), ['create /b', 'delete /a']);
  });
});

test('where the journal no longer reaches, one record says that everything has to be compared', async () => {
  await withFolder({ backend: 'inotify', journalEvents: 10 }, async (harness, src) => {
    const slow = harness.listen();
    const { mountpoint } = await slow.watch(src);
    slow.session.detach();
    for (let i = 0; i < 30; i++) writeFileSync(join(src, `f${i}`), '');
    await harness.caughtUp();
    slow.session.attach(slow, NO_CURSORS);
    assert.equal(slow.heard.length, 1);
    assert.equal(slow.heard[0]?.flags, EVENT_FRESH);
    assert.deepEqual(slow.take(mountpoint, src), ['overflow /']);
    writeFileSync(join(src, 'after'), '');
    await harness.caughtUp();
    assert.deepEqual(slow.take(mountpoint, src), ['create /after']);
  });
});

test('after a resume the events since the cursor are delivered again', async () => {
  await withFolder({ backend: 'inotify' }, async (harness, src) => {
    const listener = harness.listen();
    const { sb, mountpoint } = await listener.watch(src);
    writeFileSync(join(src, 'a'), '');
    await harness.caughtUp();
    const cursor = listener.heard.at(-1)?.seq ?? 0n;
    listener.heard.length = 0;
    listener.session.detach();
    writeFileSync(join(src, 'b'), '');
    await harness.caughtUp();
    assert.deepEqual(listener.take(mountpoint, src), []);
    listener.session.attach(listener, new Map([[sb, cursor]]));
    assert.deepEqual(listener.take(mountpoint, src), ['create /b']);
  });
});

test('after a resume the events of each superblock are delivered again, also where a later one of another had arrived', async () => {
  const other = mkdtempSync('/dev/shm/livemount-watch-');
  try {
    await withFolder({ backend: 'inotify' }, async (harness, src) => {
      const listener = harness.listen();
      const here = await listener.watch(src);
      const there = await listener.watch(other);
      assert.notEqual(here.sb, there.sb);
      writeFileSync(join(other, 'early'), '');
      await harness.caughtUp();
      writeFileSync(join(src, 'late'), '');
      await harness.caughtUp();
      const [early, late] = listener.heard;
      assert.ok(early !== undefined && late !== undefined && early.seq < late.seq);
      // The notification with the early event was lost with the link, the one with the late event was not.
      listener.heard.length = 0;
      listener.session.detach();
      listener.session.attach(
        listener,
        new Map([
          [here.sb, late.seq],
          [there.sb, early.seq - 1n],
        ]),
      );
      assert.deepEqual(listener.take(there.mountpoint, other), ['create /early']);
    });
  } finally {
    rmSync(other, { recursive: true, force: true });
  }
});

test('a mark without an event, or on a superblock that is not there, is refused', async () => {
  await withFolder({ backend: 'inotify' }, async (harness, src) => {
    const listener = harness.listen();
    await assert.rejects(listener.watch(src, { mask: In.IGNORED as Mask }), { code: 'EINVAL' });
    const mark = { path: Buffer.from('x'), mask: In.CREATE as Mask, flags: 0, excludes: [] };
    await assert.rejects(listener.session.update(987654321n as never, 1n, [mark], false), { code: 'ENODEV' });
  });
});
