import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Harness, heldClock } from './harness';

test('a save by rename is a change also in a directory that was never listed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'livemount-cold-'));
  const src = join(folder, 'src');
  mkdirSync(src);
  const saved = Array.from({ length: 20 }, (_, i) => `saved${i}`);
  for (const name of saved) writeFileSync(join(src, name), 'old');
  const harness = new Harness({ backend: 'fanotify', clock: heldClock });
  try {
    const listener = harness.listen();
    const { mountpoint } = await listener.watch(src);
    // Nobody else gets to run between: whenever the directory is listed, it is listed afterwards.
    for (const name of saved) {
      writeFileSync(join(src, `${name}.tmp`), 'new');
      renameSync(join(src, `${name}.tmp`), join(src, name));
      writeFileSync(join(src, 'staged'), '');
      renameSync(join(src, 'staged'), join(src, `${name}.new`));
    }
    await harness.caughtUp();
    const expected = saved.flatMap((name) => [`modify /${name}`, `create /${name}.new`]);
    assert.deepEqual(listener.take(mountpoint, src).sort(), expected.sort());
  } finally {
    harness.dispose();
    rmSync(folder, { recursive: true, force: true });
  }
});
