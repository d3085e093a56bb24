import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Disposable } from '../../src/base/dispose';
import type { Vfs } from '../../src/client/vfs';
import type { Random } from '../watch/random';
import { Mirror } from './mirror';

/**
 * One editor at work in a folder of its own, and somebody on the host beside it. Each operation is one that fails if it
 * is carried out twice, or is seen in the content of a file, and the model says what must be there in the end.
 */
export class Workload implements Disposable {
  private readonly ours: string;
  private readonly theirs: string;
  private readonly files = new Map<string, string>();
  private readonly mirror: Mirror;
  private readonly watch: ReturnType<Vfs['watch']>;
  private steps = 0;

  private constructor(
    private readonly vfs: Vfs,
    folder: string,
    private readonly random: Random,
  ) {
    this.ours = join(folder, 'ours');
    this.theirs = join(folder, 'theirs');
    mkdirSync(this.ours, { recursive: true });
    mkdirSync(this.theirs);
    this.mirror = new Mirror(folder);
    this.watch = vfs.watch(folder, { recursive: true }, this.mirror.take);
  }

  /** Makes the folder and watches it. */
  static async start(vfs: Vfs, folder: string, random: Random): Promise<Workload> {
    const workload = new Workload(vfs, folder, random);
    await workload.watch.ready;
    return workload;
  }

  /** Operations that were acknowledged, ours and theirs. */
  get done(): number {
    return this.steps;
  }

  dispose(): void {
    this.watch.dispose();
  }

  /** One operation at random, until it is acknowledged. */
  async step(): Promise<void> {
    const name = this.random.pick([...this.files.keys()]);
    const operations = [
      [4, () => this.create()],
      [2, () => this.save(name)],
      [2, () => this.rename(name)],
      [1, () => this.remove(name)],
      [1, () => this.onTheHost()],
    ] as const;
    await this.random.weighted(operations)();
    this.steps++;
  }

  /** The operations there are, one after another: the same each time. */
  async all(): Promise<void> {
    const steps = [
      () => this.create(),
      () => this.create(),
      () => this.onTheHost(),
      () => this.save(),
      () => this.rename(),
      () => Promise.all([this.create(), this.onTheHost()]),
      () => this.remove(),
      () => this.save(),
      () => this.makeFolder(),
      () => this.rename(),
      () => this.create(),
      () => this.remove(),
      () => this.onTheHost(),
    ];
    for (const step of steps) {
      await step();
      this.steps++;
    }
  }

  /** Everything that was acknowledged is there, once, and all that happened was told. */
  async verify(): Promise<void> {
    const there = readdirSync(this.ours).map((name) => [name, readFileSync(join(this.ours, name), 'utf8')]);
    assert.deepEqual(new Map(there as [string, string][]), new Map([...this.files].sort()));
    await this.mirror.equalsTree();
  }

  private async create(): Promise<void> {
    const name = `file${this.steps}`;
    const text = `${name} ${'x'.repeat(this.random.below(3000))}`;
    await this.vfs.writeFile(join(this.ours, name), Buffer.from(text), {
      create: true,
      overwrite: false,
      expect: 'any',
    });
    this.files.set(name, text);
  }

  /** The second of two would find another version than expected. */
  private async save(name = this.newest): Promise<void> {
    if (name === undefined) return;
    const text = `saved at ${this.steps} ${'y'.repeat(this.random.below(3000))}`;
    await this.vfs.writeFile(join(this.ours, name), Buffer.from(text), {
      create: false,
      overwrite: true,
      expect: 'any',
    });
    this.files.set(name, text);
  }

  private async rename(name = this.newest): Promise<void> {
    const text = name === undefined ? undefined : this.files.get(name);
    if (name === undefined || text === undefined) return;
    const to = `renamed${this.steps}`;
    await this.vfs.rename(join(this.ours, name), join(this.ours, to), { overwrite: false });
    this.files.set(to, text);
    this.files.delete(name);
  }

  private async remove(name = this.newest): Promise<void> {
    if (name === undefined) return;
    await this.vfs.remove(join(this.ours, name), { recursive: false });
    this.files.delete(name);
  }

  private async makeFolder(): Promise<void> {
    const name = `folder${this.steps}`;
    await this.vfs.mkdir(join(this.theirs, name));
  }

  private async onTheHost(): Promise<void> {
    const made = join(this.theirs, `at${this.steps}`);
    mkdirSync(made);
    writeFileSync(join(made, 'inner'), '');
    if (this.random.below(2) === 0) renameSync(made, `${made}.moved`);
    else rmSync(made, { recursive: true });
  }

  private get newest(): string | undefined {
    return [...this.files.keys()].at(-1);
  }
}
