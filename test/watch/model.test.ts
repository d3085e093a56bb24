import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { EVENT_FRESH } from '../../src/protocol/livemount';
import { In } from '../../src/protocol/mask';
import { Harness, inWords } from './harness';
import { Mirror } from './mirror';
import { Operations } from './operations';
import { Random } from './random';

/** Rounds of random operations; at the end of each, the mirror must equal the tree. */
const ROUNDS = 8;
const OPERATIONS = 40;
const QUEUE_LIMIT = '/proc/sys/fs/inotify/max_queued_events';
/** So few that a round overflows the host's queue. */
const SQUEEZED_QUEUE = 24;

interface Case {
  readonly title: string;
  readonly backend: 'inotify' | 'fanotify' | 'poll';
  readonly seeds: number;
  readonly squeezed?: boolean;
}

const CASES: readonly Case[] = [
  { title: 'inotify', backend: 'inotify', seeds: 35 },
  { title: 'inotify with a queue that overflows', backend: 'inotify', seeds: 25, squeezed: true },
  { title: 'fanotify', backend: 'fanotify', seeds: 30 },
  { title: 'polling', backend: 'poll', seeds: 10 },
];

const chosen = Number(process.env.LIVEMOUNT_SEED ?? Number.NaN);

for (const { title, backend, seeds, squeezed } of CASES) {
  describe(`a mirror kept from events alone equals the tree, by ${title}`, () => {
    const limit = readFileSync(QUEUE_LIMIT, 'latin1');
    let overflows = 0n;
    before(() => {
      if (squeezed) writeFileSync(QUEUE_LIMIT, String(SQUEEZED_QUEUE));
    });
    after(() => {
      if (squeezed) writeFileSync(QUEUE_LIMIT, limit);
    });
    const list = Number.isNaN(chosen) ? Array.from({ length: seeds }, (_, i) => i + 1) : [chosen];
    test(`seeds ${list[0]} to ${list.at(-1)} (LIVEMOUNT_SEED chooses one)`, async () => {
      const harness = new Harness({ backend });
      try {
        for (const seed of list) overflows += await runSeed(harness, seed);
      } finally {
        harness.dispose();
      }
      if (squeezed) assert.ok(overflows > 0n, 'the queue overflowed');
    });
  });
}

/** Gives how often the queue overflowed. */
async function runSeed(harness: Harness, seed: number): Promise<bigint> {
  const folder = mkdtempSync(join(tmpdir(), 'livemount-model-'));
  const top = join(folder, 'top');
  const outside = join(folder, 'outside');
  mkdirSync(top);
  mkdirSync(outside);
  const listener = harness.listen();
  const history: string[] = [];
  try {
    const random = new Random(seed);
    const operations = new Operations(top, outside, random);
    for (let i = 0; i < OPERATIONS / 2; i++) operations.step();
    const { sb, mountpoint } = await listener.watch(top);
    await harness.caughtUp();
    const mirror = new Mirror(mountpoint, top, operations.linked);
    listener.onEvent = (event) => {
      assert.ok(
        (event.mask & In.Q_OVERFLOW) === 0 || (event.flags & EVENT_FRESH) === 0,
        'the difference is exact',
      );
      mirror.apply(event);
      history.push(`    ${inWords(event)}`);
    };
    for (let round = 0; round < ROUNDS; round++) {
      for (let i = random.below(OPERATIONS); i >= 0; i--) {
        history.push(operations.step());
        // Now and then the watchers get to run in the middle of it, at once or after a while.
        if (random.below(8) === 0) await sleep(random.below(30));
        else if (random.below(4) === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      await harness.caughtUp();
      const differences = mirror.differences();
      const story = differences.length > 0 ? history.slice(-80).join('\n') : '';
      assert.deepEqual(differences, [], `seed ${seed}, round ${round}:\n${story}`);
    }
    return harness.service.stat(sb).overflows;
  } finally {
    listener.session.dispose();
    rmSync(folder, { recursive: true, force: true });
  }
}
