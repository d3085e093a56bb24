import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import path from 'node:path';
import { Duplex } from 'node:stream';
import type { TestContext } from 'node:test';
import { connectVfs } from '../../src/client/connect';
import type { Link } from '../../src/client/session/link';
import type { Change, Vfs } from '../../src/client/vfs';
import { Errno, ErrnoError } from '../../src/protocol/errno';
import { eventually } from '../client/support/hostAgent';

const AGENT = path.resolve(__dirname, '../../dist/agent.js');
/** Descriptors that every agent has open. */
const FEW = 8;
const MANY = 1024;
/** A user that owns nothing. */
export const NOBODY = 65534;

export interface Confinement {
  readonly backend?: 'inotify' | 'fanotify' | 'poll';
  /** Runs as a user without rights. */
  readonly asNobody?: boolean;
}

/** The built agent as a process of its own, that can be given another user or fewer descriptors. */
export class ConfinedAgent implements Link {
  readonly rung = 'stdio';
  readonly reason = 'a test';
  private child: ChildProcess | undefined;
  /** The processes that were started; more than one: an agent ended. */
  started = 0;
  /** What it said on its standard error. */
  log = '';

  constructor(private readonly confinement: Confinement) {}

  async openChannel(): Promise<Duplex> {
    const { backend } = this.confinement;
    const [program = '', ...args] = [
      ...this.asItsUser,
      process.execPath,
      AGENT,
      'serve',
      '--stdio',
      '--root',
      '/',
      ...(backend === undefined ? [] : ['--backend', backend]),
    ];
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.child = child;
    this.started++;
    child.stderr.on('data', (chunk: Buffer) => {
      this.log += chunk.toString();
    });
    await once(child, 'spawn');
    return Duplex.from({ readable: child.stdout, writable: child.stdin }) as Duplex;
  }

  private get asItsUser(): readonly string[] {
    if (!this.confinement.asNobody) return [];
    return ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];
  }

  get hasEnded(): boolean {
    return this.child === undefined || this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** `no more`: those that the agent has are all that it may have; `none`: and what it closes can't be opened again. */
  leaveDescriptors(which: 'no more' | 'none' | 'many'): void {
    const open = fs.readdirSync(`/proc/${this.child?.pid}/fd`).map(Number);
    const limit = { 'no more': Math.max(...open) + 1, none: FEW, many: MANY }[which];
    const [program = '', ...args] = [
      ...this.asItsUser,
      'prlimit',
      '--pid',
      `${this.child?.pid}`,
      `--nofile=${limit}:`,
    ];
    execFileSync(program, args);
  }

  dispose(): void {
    this.child?.stdin?.end();
  }
}

export interface Confined {
  readonly vfs: Vfs;
  readonly agent: ConfinedAgent;
  /** What was told of the watches that were made by `watch`. */
  readonly changes: Change[];
  /** Watches a path and waits until that is acknowledged. */
  watch(path: string, options?: { recursive?: boolean }): Promise<void>;
  /** Waits until a watched folder is heard of: the agent has loaded all that it ever needs. */
  listens(folder: string): Promise<void>;
  /** Waits until something is told. */
  told(kind: Change['kind'], path: string): Promise<void>;
}

/** A client of an agent that is confined; both go when the test ends. */
export async function confined(t: TestContext, confinement: Confinement): Promise<Confined> {
  const agent = new ConfinedAgent(confinement);
  const vfs = await connectVfs(agent, {});
  t.after(() => {
    vfs.dispose();
    agent.dispose();
  });
  const changes: Change[] = [];
  return {
    vfs,
    agent,
    changes,
    async watch(path, { recursive = true } = {}) {
      const watch = vfs.watch(path, { recursive, visible: true }, (some) => void changes.push(...some));
      t.after(() => watch.dispose());
      await watch.ready;
    },
    async listens(folder) {
      const file = path.join(folder, 'heard');
      fs.writeFileSync(file, '');
      await eventually('the first event', () => changes.some((change) => change.path === file));
    },
    async told(kind, path) {
      const isTold = () => changes.some((change) => change.kind === kind && change.path === path);
      const heard = () =>
        changes.map((change) => `${change.kind} ${change.path} ${change.to ?? ''}`).join('\n');
      await eventually(`${kind} ${path}`, isTold, 60_000).catch((error: Error) => {
        throw new Error(`${error.message}, but:\n${heard()}\n${agent.log}`);
      });
    },
  };
}

/** Waits until what a client reads is what is meant, and fails with what it reads instead. */
export async function reads(vfs: Vfs, file: string, content: string, ms = 60_000): Promise<void> {
  const end = Date.now() + ms;
  for (;;) {
    const found = (await vfs.readFile(file)).toString();
    if (found === content) return;
    if (Date.now() > end) throw new Error(`${file} is still "${found}", and not "${content}"`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Waits until a client is not shown a file any more that may not be read now. */
export async function refused(vfs: Vfs, file: string, ms = 60_000): Promise<void> {
  const end = Date.now() + ms;
  while (Date.now() < end) {
    const failure = await vfs.readFile(file).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (failure instanceof ErrnoError && failure.errno === Errno.EACCES) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`${file} is still shown`);
}
