// Run by limits.test.ts where the kernel gives few inotify watches: watches more directories than that, and says what it heard.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readLimits } from '../../src/agent/watch/watchBudget';
import { MountAction } from '../../src/protocol/livemount';
import { Harness } from './harness';

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'livemount-full-'));
  const names = Array.from({ length: 50 }, (_, i) => `d${String(i).padStart(2, '0')}`);
  for (const name of names) mkdirSync(join(folder, name));
  // The budget knows nothing of the limit here, as when other programs of the user have taken the watches.
  const harness = new Harness({ backend: 'inotify', limits: { ...readLimits(), watches: 100_000 } });
  try {
    const listener = harness.listen();
    const { sb, mountpoint } = await listener.watch(folder);
    const { watches, polled } = harness.service.stat(sb);
    const changed = listener.mountRecords.find((record) => record.action === MountAction.CHANGED);
    for (const name of names) writeFileSync(join(folder, name, 'f'), '');
    await harness.caughtUp();
    const told = {
      watches: Number(watches),
      polled: Number(polled),
      backend: changed?.backend,
      reason: changed?.reason,
      heard: listener.take(mountpoint, folder).sort(),
      expected: names.map((name) => `create /${name}/f`),
    };
    process.stdout.write(JSON.stringify(told));
  } finally {
    harness.dispose();
    rmSync(folder, { recursive: true });
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
  process.exitCode = 1;
});
