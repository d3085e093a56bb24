import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Errno } from '../../src/protocol/errno';
import { FS_ERROR_DIED } from '../../src/protocol/livemount';
import { FsErrors, type FsErrorReport } from '../../src/server/watch/fsErrors';
import { Harness } from './harness';

const fault = { errno: Errno.EUCLEAN, count: 1, ino: 12n, path: undefined, died: false };

/** A clock whose timers are run by hand. */
function manualClock(): { after: (ms: number, run: () => void) => { dispose(): void }; fire(): void } {
  let pending: (() => void) | undefined;
  return {
    after(_ms, run) {
      pending = run;
      return { dispose: () => (pending = undefined) };
    },
    fire() {
      const run = pending;
      pending = undefined;
      run?.();
    },
  };
}

test('the first error is reported at once, and those of a second are one report', () => {
  const told: FsErrorReport[] = [];
  const clock = manualClock();
  const errors = new FsErrors(clock, (report) => told.push(report));
  errors.add(fault);
  assert.deepEqual(told.splice(0), [{ fault, count: 1, flags: 0 }]);
  const second = { ...fault, ino: 13n, count: 4 };
  errors.add(second);
  for (let i = 0; i < 1000; i++) errors.add({ ...fault, ino: BigInt(100 + i) });
  assert.deepEqual(told, []);
  clock.fire();
  assert.deepEqual(told.splice(0), [{ fault: second, count: 1004, flags: 0 }]);
  clock.fire();
  errors.add(fault);
  assert.equal(told.length, 1, 'after a quiet second the next is told at once');
});

test('the death of a superblock is the last that is reported of it', () => {
  const told: FsErrorReport[] = [];
  const errors = new FsErrors(manualClock(), (report) => told.push(report));
  errors.add(fault);
  errors.add(fault);
  errors.add({ ...fault, errno: Errno.EIO, died: true });
  errors.add(fault);
  assert.deepEqual(
    told.map(({ count, flags }) => [count, flags]),
    [
      [1, 0],
      [2, FS_ERROR_DIED],
    ],
  );
});

for (const { behaviour, flags } of [
  { behaviour: 'continue', flags: 0 },
  { behaviour: 'remount-ro', flags: FS_ERROR_DIED },
]) {
  test(`a corrupt inode of ext4 (errors=${behaviour}) is reported by the host's kernel`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'livemount-errors-'));
    const image = join(folder, 'image');
    const point = join(folder, 'point');
    mkdirSync(point);
    const run = (command: string, ...args: string[]) => execFileSync(command, args, { stdio: 'pipe' });
    let mounted = false;
    try {
      run('truncate', '-s', '16M', image);
      run('mkfs.ext4', '-q', '-O', '^metadata_csum', image);
      run('mount', '-o', 'loop', image, point);
      mounted = true;
      writeFileSync(join(point, 'bad'), 'x');
      const ino = statSync(join(point, 'bad')).ino;
      run('umount', point);
      mounted = false;
      run('debugfs', '-w', '-R', 'set_inode_field bad mode 0xff', image);
      run('mount', '-o', `loop,errors=${behaviour}`, image, point);
      mounted = true;
      const harness = new Harness({ backend: 'fanotify' });
      try {
        const listener = harness.listen();
        const { sb } = await listener.watch(point, { recursive: false });
        assert.throws(() => statSync(join(point, 'bad')), { errno: -Errno.EUCLEAN });
        await harness.caughtUp();
        const [record] = listener.fsErrors;
        assert.equal(record?.sb, sb);
        assert.equal(record?.errno, Errno.EUCLEAN);
        assert.equal(record?.flags, flags);
        assert.ok((record?.count ?? 0) >= 1);
        assert.equal(record?.ino, BigInt(ino));
      } finally {
        harness.dispose();
      }
    } finally {
      if (mounted) execFileSync('umount', ['-l', point]);
      rmSync(folder, { recursive: true, force: true });
    }
  });
}
