import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SuperblockId } from '../../src/protocol/brand';
import type { FsEvent } from '../../src/protocol/events';
import { EVENT_FRESH } from '../../src/protocol/livemount';
import { In } from '../../src/protocol/mask';
import { Harness, type HarnessOptions, inWords, type Listener } from './harness';
import { Mirror } from './mirror';
import { Operations } from './operations';
import { Random } from './random';

/** Rounds of random operations; at the end of each, the mirror must equal the tree. */
const ROUNDS = 8;
const OPERATIONS = 40;
/** So few that a round overflows the host's queue. */
const SQUEEZED_QUEUE = 24;
/** So few that a client which is away for a while has missed some. */
const SHORT_JOURNAL = 12;

interface Case {
  readonly title: string;
  readonly seeds: number;
  readonly options: HarnessOptions;
  /** The limit of the host's queue that is squeezed. */
  readonly squeezed?: string;
}

const CASES: readonly Case[] = [
  { title: 'inotify', seeds: 25, options: { backend: 'inotify' } },
  {
    title: 'inotify with a queue that overflows',
    seeds: 20,
    options: { backend: 'inotify' },
    squeezed: '/proc/sys/fs/inotify/max_queued_events',
  },
  {
    title: 'inotify and a short journal',
    seeds: 10,
    options: { backend: 'inotify', journalEvents: SHORT_JOURNAL },
  },
  { title: 'fanotify', seeds: 20, options: { backend: 'fanotify' } },
  {
    title: 'fanotify with a queue that overflows',
    seeds: 10,
    options: { backend: 'fanotify', boundedQueue: true },
    squeezed: '/proc/sys/fs/fanotify/max_queued_events',
  },
  {
    title: 'fanotify and a short journal',
    seeds: 5,
    options: { backend: 'fanotify', journalEvents: SHORT_JOURNAL },
  },
  { title: 'polling', seeds: 8, options: { backend: 'poll' } },
  {
    title: 'polling and a short journal',
    seeds: 2,
    options: { backend: 'poll', journalEvents: SHORT_JOURNAL },
  },
];

const chosen = Number(process.env.LIVEMOUNT_SEED ?? Number.NaN);

for (const { title, options, seeds, squeezed } of CASES) {
  describe(`a mirror kept from events alone equals the tree, by ${title}`, () => {
    const limit = squeezed === undefined ? '' : readFileSync(squeezed, 'latin1');
    const list = Number.isNaN(chosen) ? Array.from({ length: seeds }, (_, i) => i + 1) : [chosen];
    test(`seeds ${list[0]} to ${list.at(-1)} (LIVEMOUNT_SEED chooses one)`, async () => {
      // The limit is the whole host's: it is not changed for a test that is left out.
      if (squeezed !== undefined) writeFileSync(squeezed, String(SQUEEZED_QUEUE));
      const harness = new Harness(options);
      const tally = { overflows: 0n, resumes: 0, fresh: 0 };
      try {
        for (const seed of list)
          await new Model(harness, seed, tally).run(options.journalEvents !== undefined);
      } finally {
        harness.dispose();
        if (squeezed !== undefined) writeFileSync(squeezed, limit);
      }
      // One seed alone need not have met with everything.
      if (list.length === 1) return;
      assert.ok(tally.resumes > 0, 'the link was lost and resumed');
      if (squeezed !== undefined) assert.ok(tally.overflows > 0n, 'the queue overflowed');
      if (options.journalEvents !== undefined) assert.ok(tally.fresh > 0, 'the journal did not reach back');
    });
  });
}

interface Tally {
  overflows: bigint;
  resumes: number;
  fresh: number;
}

/** A tree, what happens in it, and a client that has nothing but the events. */
class Model {
  private readonly folder = mkdtempSync(join(tmpdir(), 'livemount-model-'));
  private readonly top = join(this.folder, 'top');
  private readonly outside = join(this.folder, 'outside');
  private readonly random: Random;
  private readonly links: Random;
  private readonly listener: Listener;
  private readonly history: string[] = [];
  /** The seq of the last event that reached the client. */
  private cursor = 0n;
  /** up; lossy: what is sent is lost on the way; down: nothing is sent. */
  private link: 'up' | 'lossy' | 'down' = 'up';
  /** The events between are not to be had. */
  private isFresh = false;

  constructor(
    private readonly harness: Harness,
    private readonly seed: number,
    private readonly tally: Tally,
  ) {
    this.random = new Random(seed);
    this.links = new Random(seed + 1_000_000);
    this.listener = harness.listen();
  }

  async run(mayBeFresh: boolean): Promise<void> {
    mkdirSync(this.top);
    mkdirSync(this.outside);
    const operations = new Operations(this.top, this.outside, this.random);
    try {
      for (let i = 0; i < OPERATIONS / 2; i++) operations.step();
      this.harness.mounts.refresh();
      const { sb, mountpoint } = await this.listener.watch(this.top);
      await this.harness.caughtUp();
      this.cursor = this.harness.service.seq;
      const mirror = new Mirror(mountpoint, this.top, operations.linked);
      this.listener.onEvent = (event) => this.heard(event, mirror, mayBeFresh);
      for (let round = 0; round < ROUNDS; round++) {
        await this.round(operations, sb);
        this.resume(sb);
        this.harness.mounts.refresh();
        await this.harness.caughtUp();
        if (this.isFresh) mirror.compare();
        this.isFresh = false;
        // Where a mount stands a client asks that mount, also if it was away when the mount came.
        for (const point of operations.mountpoints) mirror.hide(point);
        const differences = mirror.differences();
        const story = differences.length > 0 ? this.history.slice(-80).join('\n') : '';
        assert.deepEqual(differences, [], `seed ${this.seed}, round ${round}:\n${story}`);
      }
      this.tally.overflows += this.harness.service.stat(sb).overflows;
    } finally {
      this.listener.session.dispose();
      for (const point of operations.mountpoints) execFileSync('umount', ['-l', point]);
      rmSync(this.folder, { recursive: true, force: true });
    }
  }

  private async round(operations: Operations, sb: SuperblockId): Promise<void> {
    for (let i = this.random.below(OPERATIONS); i >= 0; i--) {
      this.history.push(operations.step());
      if (this.links.below(10) === 0) this.disturb(sb);
      // Now and then the watchers get to run in the middle of it, at once or after a while.
      if (this.random.below(8) === 0) await sleep(this.random.below(30));
      else if (this.random.below(4) === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  private heard(event: FsEvent, mirror: Mirror, mayBeFresh: boolean): void {
    if (this.link !== 'up') return;
    this.cursor = event.seq;
    this.history.push(`    ${inWords(event)}`);
    if ((event.mask & In.Q_OVERFLOW) === 0) mirror.apply(event);
    else if ((event.flags & EVENT_FRESH) !== 0) {
      assert.ok(mayBeFresh, 'the difference is exact');
      this.tally.fresh++;
      this.isFresh = true;
    }
  }

  /** The link gets one step worse, or comes back. */
  private disturb(sb: SuperblockId): void {
    if (this.link === 'up') this.link = 'lossy';
    else if (this.link === 'lossy') {
      this.link = 'down';
      this.listener.session.detach();
    } else this.resume(sb);
    this.history.push(`    (link ${this.link})`);
  }

  private resume(sb: SuperblockId): void {
    if (this.link === 'up') return;
    this.link = 'up';
    this.tally.resumes++;
    this.listener.session.attach(this.listener, new Map([[sb, this.cursor]]));
  }
}
