import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import type { Vfs } from '../../src/client/vfs';
import { ErrnoError, errnoName, errnoOf } from '../../src/protocol/errno';
import { beforeRemoval, scratch } from '../client/support/hostAgent';
import { Random } from '../watch/random';
import { type Confined, type Confinement, confined, NOBODY } from './confinedAgent';

const SEEDS = Number(process.env.LIVEMOUNT_SEEDS ?? 2);
const CHOSEN = process.env.LIVEMOUNT_SEED;
const STEPS = 25;
const NAMES = ['a', 'b', 'c'];
/** What the agent's user finds out of date for so long it will find so for ever. */
const PATIENCE_MS = 60_000;

const CASES: readonly (Confinement & { readonly title: string })[] = [
  { title: 'inotify, as a user without rights', backend: 'inotify', asNobody: true },
  { title: 'fanotify, as root', backend: 'fanotify' },
  { title: 'polling, as a user without rights', backend: 'poll', asNobody: true },
];

for (const { title, ...confinement } of CASES) {
  describe(`what a client shows is what is there, whatever the agent can see (${title})`, () => {
    const seeds = CHOSEN === undefined ? Array.from({ length: SEEDS }, (_, i) => i + 1) : [Number(CHOSEN)];
    for (const seed of seeds)
      test(`seed ${seed} (LIVEMOUNT_SEED chooses one)`, async (t) => {
        await new SightModel(t, seed, await confined(t, confinement), confinement.asNobody === true).run();
      });
  });
}

/** Folders that are closed, opened, renamed, linked, deep, and an agent that can open nothing for a while. */
class SightModel {
  private readonly random: Random;
  private readonly top: string;
  private readonly history: string[] = [];
  private isStarved = false;

  constructor(
    t: TestContext,
    seed: number,
    private readonly client: Confined,
    private readonly asNobody: boolean,
  ) {
    this.random = new Random(seed);
    this.top = scratch(t);
    fs.chmodSync(this.top, 0o755);
    beforeRemoval(t, () => execFileSync('rm', ['-rf', this.top]));
  }

  async run(): Promise<void> {
    const { watch, listens } = this.client;
    for (const name of NAMES) this.fill(join(this.top, name));
    await watch(this.top);
    await listens(this.top);
    for (let step = 0; step < STEPS; step++) {
      for (let i = this.random.below(3); i >= 0; i--) this.history.push(this.step());
      if (!this.isStarved) await this.agrees();
    }
    this.feed();
    await this.agrees();
    assert.equal(this.client.agent.started, 1, this.client.agent.log);
  }

  private step(): string {
    const path = this.somewhere();
    try {
      return this.random.weighted<() => string>([
        [4, () => this.write(join(path, this.name()))],
        [3, () => this.chmod(path)],
        [2, () => this.fill(join(path, this.name()))],
        [2, () => this.rename(path, join(this.somewhere(), this.name()))],
        [1, () => this.openAndRename(path, join(this.somewhere(), this.name()))],
        [1, () => this.remove(path)],
        [1, () => this.link(join(path, 'link'))],
        [0.5, () => this.deepen(path)],
        [1, () => (this.isStarved ? this.feed() : this.starve())],
      ])();
    } catch (error) {
      return `(${errnoName(errnoOf(error))})`;
    }
  }

  private write(path: string): string {
    fs.writeFileSync(path, `${this.random.below(1000)}`);
    return `write ${path}`;
  }

  private chmod(path: string): string {
    const mode = this.random.pick([0o000, 0o711, 0o755, 0o755]) ?? 0o755;
    fs.chmodSync(path, mode);
    return `chmod ${mode.toString(8)} ${path}`;
  }

  private fill(path: string): string {
    fs.mkdirSync(join(path, this.name()), { recursive: true });
    fs.writeFileSync(join(path, 'f'), 'filled');
    return `fill ${path}`;
  }

  private rename(from: string, to: string): string {
    fs.renameSync(from, to);
    return `mv ${from} ${to}`;
  }

  private openAndRename(from: string, to: string): string {
    fs.chmodSync(from, 0o755);
    fs.renameSync(from, to);
    return `open and mv ${from} ${to}`;
  }

  private remove(path: string): string {
    fs.rmSync(path, { recursive: true });
    return `rm -r ${path}`;
  }

  private link(path: string): string {
    fs.rmSync(path, { force: true });
    fs.symlinkSync(`../${this.name()}/f`, path);
    return `ln -s ${path}`;
  }

  private deepen(path: string): string {
    const program =
      'import os, sys\nos.chdir(sys.argv[1])\nfor i in range(18): os.mkdir("d" * 250); os.chdir("d" * 250)';
    execFileSync('python3', ['-c', program, path], { stdio: 'ignore' });
    return `deepen ${path}`;
  }

  private starve(): string {
    this.client.agent.leaveDescriptors('no more');
    this.isStarved = true;
    return 'no descriptor is left';
  }

  private feed(): string {
    this.client.agent.leaveDescriptors('many');
    this.isStarved = false;
    return 'descriptors are there again';
  }

  private name(): string {
    return this.random.pick(NAMES) ?? 'a';
  }

  /** A folder that is there. */
  private somewhere(): string {
    let folder = join(this.top, this.name());
    for (let depth = this.random.below(3); depth > 0; depth--) {
      const next = join(folder, this.name());
      if (!fs.statSync(next, { throwIfNoEntry: false })?.isDirectory()) break;
      folder = next;
    }
    return folder;
  }

  /** Waits until the client shows all that is there, and nothing else; fails with what it goes on showing. */
  private async agrees(): Promise<void> {
    const end = Date.now() + PATIENCE_MS;
    for (;;) {
      const shown = await shownBy(this.client.vfs, this.top);
      const there = this.truth();
      if (JSON.stringify(shown) === JSON.stringify(there)) return;
      if (Date.now() > end) assert.deepEqual(shown, there, this.history.slice(-60).join('\n'));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  private truth(): string[] {
    if (!this.asNobody) return truthOf(this.top);
    process.setegid?.(NOBODY);
    process.seteuid?.(NOBODY);
    try {
      return truthOf(this.top);
    } finally {
      process.seteuid?.(0);
      process.setegid?.(0);
    }
  }
}

/** Two levels of folders, and what the files in them hold, in lines. */
function truthOf(top: string): string[] {
  return probes(top).flatMap((path) => {
    const listing = tried(() => fs.readdirSync(path).filter(isShort).sort().join(' '));
    const files = ['f', ...NAMES].map((name) =>
      tried(() => {
        const at = join(path, name);
        return fs.statSync(at).isDirectory() ? '(a folder)' : fs.readFileSync(at, 'utf8');
      }),
    );
    return [`${path}: ${listing}`, ...files];
  });
}

async function shownBy(vfs: Vfs, top: string): Promise<string[]> {
  const lines: string[] = [];
  for (const path of probes(top)) {
    const listing = await triedLater(async () =>
      (await vfs.readDirectory(path))
        .map(({ name }) => name)
        .filter(isShort)
        .sort()
        .join(' '),
    );
    lines.push(`${path}: ${listing}`);
    for (const name of ['f', ...NAMES])
      lines.push(
        await triedLater(async () => {
          const at = join(path, name);
          return (await vfs.stat(at)).kind === 'directory'
            ? '(a folder)'
            : (await vfs.readFile(at)).toString();
        }),
      );
  }
  return lines;
}

function probes(top: string): string[] {
  return NAMES.flatMap((one) => [join(top, one), ...NAMES.map((other) => join(top, one, other))]);
}

function isShort(name: string): boolean {
  return name.length < 50;
}

function tried(look: () => string): string {
  try {
    return look();
  } catch (error) {
    return failure(error);
  }
}

async function triedLater(look: () => Promise<string>): Promise<string> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof ErrnoError) return failure(error);
    throw error;
  }
}

function failure(error: unknown): string {
  return `(${errnoName(errnoOf(error))})`;
}
