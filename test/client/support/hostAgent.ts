import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Duplex } from 'node:stream';
import type { TestContext } from 'node:test';
import { AgentServer } from '../../../src/agent/agentServer';
import type { Login } from '../../../src/server/processes/launch';
import { type ConnectOptions, connectVfs } from '../../../src/client/connect';
import type { Link } from '../../../src/client/session/link';
import type { Vfs } from '../../../src/client/vfs';
import { Wire } from './wire';

/** The real server over this host, in this process, and wires to it that a test can count on and cut. */
export class HostAgent {
  private agent: AgentServer;
  readonly log: string[] = [];
  /** What terminals need; undefined: they do without. */
  readonly terminalFolder = path.join(mkdtempSync(path.join(tmpdir(), 'livemount-lm-')), 'd');
  /** What processes find; startup files of whoever runs the test have no say in it. */
  login: Login = {
    shell: '/bin/sh',
    env: { HOME: '/nonexistent', PATH: '/usr/bin:/bin', LANG: 'C.UTF-8', LIVEMOUNT: '1' },
  };

  /** `backend`: watch with nothing else; default: the best there is. */
  constructor(private readonly backend?: 'inotify' | 'poll') {
    this.agent = this.start();
  }

  get sessions(): number {
    return this.agent.server.sessions;
  }

  accept(stream: Duplex): void {
    void this.agent.server.accept(stream);
  }

  /** The agent dies and another one takes its place: it knows nothing. */
  async restart(): Promise<void> {
    await this.agent.close();
    this.agent = this.start();
  }

  async close(): Promise<void> {
    await this.agent.close();
    rmSync(path.dirname(this.terminalFolder), { recursive: true, force: true });
  }

  private start(): AgentServer {
    return new AgentServer({
      root: Buffer.from('/'),
      cache: 'none',
      backend: this.backend,
      graceS: 60,
      processes: {
        login: () => this.login,
        folder: this.terminalFolder,
        lmCommand: [process.execPath, path.resolve(__dirname, '../../../dist/agent.js'), 'lm'],
      },
      log: (line) => this.log.push(line),
    });
  }
}

/** A link over wires. A test may cut the wires, and keep new ones from being made. */
export class WireLink implements Link {
  readonly rung = 'wire';
  readonly reason = 'a test';
  readonly wires: Wire[] = [];
  /** No wire can be made while this is set. */
  down = false;
  /** Called for every wire that is made. */
  onWire: (wire: Wire) => void = () => undefined;

  constructor(
    private readonly agent: HostAgent,
    private readonly lockstep: boolean,
  ) {}

  /** Round trips over all wires. */
  get rounds(): number {
    return this.wires.reduce((sum, wire) => sum + wire.rounds, 0);
  }

  get requests(): string[] {
    return this.wires.flatMap((wire) => wire.requests);
  }

  /** The newest wire. */
  get wire(): Wire {
    const wire = this.wires.at(-1);
    if (wire === undefined) throw new Error('no wire');
    return wire;
  }

  async openChannel(): Promise<Duplex> {
    if (this.down) throw new Error('the link is down');
    const wire = new Wire(this.lockstep);
    this.wires.push(wire);
    this.onWire(wire);
    this.agent.accept(wire.server);
    return wire.client;
  }

  dispose(): void {}
}

export interface Setting {
  readonly vfs: Vfs;
  readonly link: WireLink;
  readonly agent: HostAgent;
  /** An empty directory of the host, without links in its path. */
  readonly dir: string;
}

/** A connected client and an empty directory; everything goes when the test ends. */
export async function connected(
  t: TestContext,
  options: ConnectOptions & { readonly lockstep?: boolean; readonly backend?: 'inotify' | 'poll' } = {},
): Promise<Setting> {
  const { lockstep = false, backend, ...rest } = options;
  const dir = scratch(t);
  const agent = new HostAgent(backend);
  const link = new WireLink(agent, lockstep);
  const vfs = await connectVfs(link, rest);
  t.after(async () => {
    vfs.dispose();
    await agent.close();
  });
  return { vfs, link, agent, dir };
}

const removals = new WeakMap<TestContext, (() => void)[]>();

/** A directory that is removed when the test ends. */
export function scratch(t: TestContext, within = tmpdir()): string {
  const dir = mkdtempSync(path.join(realpathSync(within), 'livemount-client-'));
  const first: (() => void)[] = [];
  removals.set(t, first);
  t.after(() => {
    for (const undo of first.reverse()) undo();
    rmSync(dir, { recursive: true, force: true });
  });
  return dir;
}

/** What must be done before the test's directory can be removed. */
export function beforeRemoval(t: TestContext, undo: () => void): void {
  removals.get(t)?.push(undo);
}

/** Waits until a condition holds; fails after `ms`. For what the host tells in its own time. */
export async function eventually(what: string, condition: () => boolean, ms = 20_000): Promise<void> {
  const end = Date.now() + ms;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`${what}: not in ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
