import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Direction } from '../fixtures/proxy';
import { Random } from '../watch/random';
import { type DaemonHost, startDaemonHost } from './daemonHost';
import { FrameCut } from './frameCut';
import { Workload } from './workload';

/** The same work each time. */
const SEED = 1;
/** INIT and RESUME with their replies: a connection that is lost before has failed, and is nobody's to repair. */
const FIRST_FRAME = { up: 3, down: 2 } as const;
/** A machine with many mounts is told of each of them; the work is over long before so many frames. */
const FRAMES_MAX = 80;
const SIDE_BY_SIDE = 4;

/** Does the work over a link that is cut as `cut` says; gives how often it was lost. */
async function session(host: DaemonHost, name: string, direction: Direction, cut: FrameCut): Promise<number> {
  const { vfs, proxy } = await host.connect({}, (link) => link.failAt(cut.limit, direction, 'cut'));
  let lost = 0;
  vfs.onStateChange((state) => {
    if (state === 'reconnecting') lost++;
  });
  try {
    const workload = await Workload.start(vfs, join(host.folder, name), new Random(SEED));
    await workload.all();
    await workload.verify();
    workload.dispose();
    return lost;
  } finally {
    vfs.dispose();
    proxy.dispose();
  }
}

/** Runs jobs a few at a time; gives their results in order. */
async function sideBySide<T>(jobs: readonly (() => Promise<T>)[]): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  const worker = async () => {
    for (let i = next++; i < jobs.length; i = next++) {
      const job = jobs[i];
      if (job !== undefined) results[i] = await job();
    }
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, worker));
  return results;
}

for (const direction of ['up', 'down'] as const) {
  test(`a session is cut behind each of its frames on the way ${direction}, and one byte later: nothing is lost or done twice`, {
    timeout: 5 * 60_000,
  }, async (t) => {
    const host = await startDaemonHost(t);
    const recorded = new FrameCut(direction);
    assert.equal(await session(host, 'recorded', direction, recorded), 0);
    // Events that travel together once may travel apart the next time: a few more frames than were recorded.
    const frames = Math.min(recorded.seen + 3, FRAMES_MAX);
    t.diagnostic(`${recorded.seen} frames`);
    assert.ok(recorded.seen > 15, `${recorded.seen} frames are no session`);
    const jobs = [];
    for (let frame = FIRST_FRAME[direction]; frame <= frames; frame++)
      for (const behind of [0, 1])
        jobs.push(() =>
          session(host, `${direction}${frame}.${behind}`, direction, new FrameCut(direction, frame, behind)),
        );
    const lost = (await sideBySide(jobs)).reduce((sum, count) => sum + count, 0);
    assert.ok(lost > jobs.length / 2, `${jobs.length} sessions lost ${lost} links`);
  });
}
