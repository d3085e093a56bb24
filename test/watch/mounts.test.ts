import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { MountAction } from '../../src/protocol/livemount';
import { Harness, type Listener } from './harness';

const BACKENDS = ['inotify', 'fanotify', 'poll'] as const;

function mount(...args: string[]): void {
  execFileSync('mount', args);
}

/** Fails, as for anybody, if something keeps the mount busy. */
function umount(path: string): void {
  execFileSync('umount', [path], { stdio: 'pipe' });
}

/** Runs a test in a folder of its own; mounts it leaves are taken away. */
async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'livemount-mounts-'));
  try {
    await run(folder);
  } finally {
    const table = execFileSync('findmnt', ['-rno', 'TARGET']).toString().split('\n');
    for (const target of table.filter((line) => line.startsWith(`${folder}/`)).reverse()) {
      execFileSync('umount', ['-l', target]);
    }
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The mount table's changes arrive by themselves. */
async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 5000;
  while (!condition()) {
    assert.ok(Date.now() < deadline, `in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function actions(listener: Listener, mountpoint: string): number[] {
  return listener.mountRecords
    .filter((record) => record.mountpoint.toString() === mountpoint && record.action !== MountAction.CHANGED)
    .map((record) => record.action);
}

for (const backend of BACKENDS) {
  describe(`mounts and ${backend}`, () => {
    test('a mount over a watched directory hides it, and its end brings back what lies beneath', async () => {
      await inFolder(async (folder) => {
        const top = join(folder, 'top');
        const point = join(top, 'point');
        mkdirSync(point, { recursive: true });
        writeFileSync(join(point, 'beneath'), '');
        const harness = new Harness({ backend });
        try {
          const listener = harness.listen();
          const { mountpoint } = await listener.watch(top);
          await harness.caughtUp();
          mount('-t', 'tmpfs', 'livemount', point);
          await until(() => actions(listener, point).length === 1, 'the mount came');
          writeFileSync(join(point, 'above'), '');
          await harness.caughtUp();
          assert.deepEqual(
            listener.take(mountpoint, top),
            [],
            'what is on the mount is not of this superblock',
          );
          umount(point);
          await until(() => actions(listener, point).length === 2, 'the mount went');
          assert.deepEqual(actions(listener, point), [MountAction.CAME, MountAction.WENT]);
          await harness.caughtUp();
          assert.deepEqual(listener.take(mountpoint, top), ['create /point/beneath']);
          writeFileSync(join(point, 'again'), '');
          await harness.caughtUp();
          assert.deepEqual(listener.take(mountpoint, top), ['create /point/again']);
        } finally {
          harness.dispose();
        }
      });
    });

    test('a watched mount can be unmounted at once, and says so with one event', async () => {
      await inFolder(async (folder) => {
        const point = join(folder, 'point');
        mkdirSync(point);
        mount('-t', 'tmpfs', 'livemount', point);
        mkdirSync(join(point, 'a/b'), { recursive: true });
        const harness = new Harness({ backend });
        try {
          const listener = harness.listen();
          const { mountpoint, sb } = await listener.watch(point);
          assert.equal(mountpoint, point);
          writeFileSync(join(point, 'a/b/c'), '');
          await harness.caughtUp();
          assert.deepEqual(listener.take(mountpoint, point), ['create /a/b/c']);
          umount(point);
          await until(() => actions(listener, point).length === 1, 'the mount went');
          assert.deepEqual(listener.take(mountpoint, point), ['unmount /']);
          assert.throws(() => harness.service.stat(sb), { code: 'ENODEV' });
        } finally {
          harness.dispose();
        }
      });
    });

    test('a bind mount of a watched directory is watched for itself', async () => {
      await inFolder(async (folder) => {
        const real = join(folder, 'real');
        const bound = join(folder, 'bound');
        mkdirSync(join(real, 'sub'), { recursive: true });
        mkdirSync(bound);
        mount('--bind', real, bound);
        const harness = new Harness({ backend });
        try {
          const one = harness.listen();
          const other = harness.listen();
          const first = await one.watch(real);
          const second = await other.watch(bound);
          assert.notEqual(first.sb, second.sb);
          await harness.caughtUp();
          writeFileSync(join(real, 'sub/f'), '');
          await harness.caughtUp();
          assert.deepEqual(one.take(first.mountpoint, real), ['create /sub/f']);
          assert.deepEqual(other.take(second.mountpoint, bound), ['create /sub/f']);
          umount(bound);
          await until(() => actions(other, bound).length === 1, 'the bind mount went');
          rmSync(join(real, 'sub/f'));
          await harness.caughtUp();
          assert.deepEqual(one.take(first.mountpoint, real), ['delete /sub/f']);
        } finally {
          harness.dispose();
        }
      });
    });
  });
}
