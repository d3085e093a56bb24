import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Source } from '../../src/agent/watch/source';
import { Harness, inWords } from './harness';

/** Reads what the kernel has queued only when it is told to: so that a look can come between two records. */
class HeldSource implements Source {
  private readonly buffer = Buffer.alloc(64 << 10);

  constructor(
    private readonly fd: number,
    private readonly onBytes: (bytes: Buffer) => void,
  ) {}

  async drain(): Promise<void> {
    for (;;) {
      try {
        const length = readSync(this.fd, this.buffer);
        if (length === 0) return;
        // Records start at multiples of four bytes of their own memory, as the pump gives them.
        this.onBytes(Buffer.from(new Uint8Array(this.buffer.subarray(0, length)).buffer));
      } catch {
        return; // EAGAIN: nothing more is there.
      }
    }
  }

  dispose(): void {
    closeSync(this.fd);
  }
}

/** A clock whose time comes when the test says so. */
class HandClock {
  private due: (() => void)[] = [];
  now = () => Date.now();

  after(_ms: number, run: () => void) {
    this.due.push(run);
    return {
      dispose: () => {
        this.due = this.due.filter((one) => one !== run);
      },
    };
  }

  /** Everything that waited is run, and what comes of it at once. */
  async strike(): Promise<void> {
    for (const run of this.due.splice(0)) run();
    for (let i = 0; i < 20; i++) await turn();
  }
}

for (const backend of ['inotify', 'fanotify'] as const) {
  test(`a file that was written in a tree is reported in it though another tree stood there when it was looked at (${backend})`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'livemount-moved-'));
    const sources: HeldSource[] = [];
    const clock = new HandClock();
    const harness = new Harness({
      backend,
      clock,
      openSource: (fd, onBytes) => {
        const source = new HeldSource(fd, onBytes);
        sources.push(source);
        return source;
      },
    });
    const read = () => Promise.all(sources.map((source) => source.drain()));
    try {
      for (const name of ['a', 'b']) {
        mkdirSync(join(folder, name));
        writeFileSync(join(folder, name, 'f'), `old ${name}`);
      }
      const listener = harness.listen();
      await listener.watch(folder);
      await harness.caughtUp();
      listener.heard.length = 0;
      writeFileSync(join(folder, 'a/f'), 'written in a');
      await read();
      // Before the word of the write is looked into, the trees change places.
      renameSync(join(folder, 'a'), join(folder, 'aside'));
      renameSync(join(folder, 'b'), join(folder, 'a'));
      renameSync(join(folder, 'aside'), join(folder, 'b'));
      await clock.strike();
      await harness.caughtUp();
      const size = (name: string) => BigInt(statSync(join(folder, name)).size);
      const last = listener.heard.filter(({ path }) => `/${path}` === join(folder, 'b/f')).at(-1);
      const story = listener.heard.map(inWords).join('\n');
      assert.equal(last?.version.size, size('b/f'), story);
    } finally {
      harness.dispose();
      rmSync(folder, { recursive: true });
    }
  });
}

test('what was made just before a mount hid it for a moment is reported once the mount is gone', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'livemount-moved-'));
  const sources: HeldSource[] = [];
  const clock = new HandClock();
  const harness = new Harness({
    backend: 'inotify',
    clock,
    openSource: (fd, onBytes) => {
      const source = new HeldSource(fd, onBytes);
      sources.push(source);
      return source;
    },
  });
  const point = join(folder, 'point');
  try {
    mkdirSync(point);
    const listener = harness.listen();
    await listener.watch(folder);
    await harness.caughtUp();
    writeFileSync(join(point, 'made'), '');
    await Promise.all(sources.map((source) => source.drain()));
    execFileSync('mount', ['-t', 'tmpfs', 'livemount-test', point]);
    // The look comes before the mount table is read again, and nothing is read of the mount that has gone by then.
    const looking = clock.strike();
    await looking;
    execFileSync('umount', [point]);
    await clock.strike();
    await harness.caughtUp();
    const created = listener.heard.some(({ path }) => `/${path}` === join(point, 'made'));
    assert.ok(created, listener.heard.map(inWords).join('\n'));
  } finally {
    harness.dispose();
    rmSync(folder, { recursive: true });
  }
});
