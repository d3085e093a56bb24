import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { Disposable } from '../../src/base/dispose';
import { stopProcess } from '../fixtures/processes';
import type { Sshd } from '../fixtures/sshd';

const root = path.resolve(__dirname, '../..');

export interface Outcome {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface RunOptions {
  readonly stdin?: string | Buffer;
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * The built program in a folder of its own, with an agent that has a hash of its own: so its daemon is nobody else's,
 * and can be ended. Disposing ends what was started, here and on the host.
 */
export class Installation implements Disposable {
  readonly folder = fs.mkdtempSync(path.join(tmpdir(), 'livemount-cli-'));
  private readonly running = new Set<ChildProcessWithoutNullStreams>();

  constructor(private readonly sshd: Sshd) {
    const dist = path.join(this.folder, 'dist');
    fs.mkdirSync(dist);
    for (const file of ['cli.js', 'agent.js']) {
      const built = path.join(root, 'dist', file);
      if (!fs.existsSync(built)) throw new Error(`${built} is missing: npm run build`);
      fs.copyFileSync(built, path.join(dist, file));
    }
    fs.appendFileSync(path.join(dist, 'agent.js'), `\n// ${randomBytes(8).toString('hex')}\n`);
    fs.symlinkSync(path.join(root, 'dist/native'), path.join(dist, 'native'));
    fs.copyFileSync(path.join(root, 'package.json'), path.join(this.folder, 'package.json'));
  }

  /** A place on the test's host. */
  at(place: string, host: string = this.sshd.host): string {
    return `${host}:${place}`;
  }

  /** Starts the program, reading the test's SSH configuration; without a terminal to ask on. */
  start(args: readonly string[], { env = {} }: RunOptions = {}): ChildProcessWithoutNullStreams {
    const program = path.join(this.folder, 'dist/cli.js');
    const child = spawn(process.execPath, [program, '-F', this.sshd.configFile, ...args], {
      // A session of its own has no controlling terminal.
      detached: true,
      env: { ...process.env, XDG_STATE_HOME: this.stateHome, ...env },
    });
    this.running.add(child);
    child.once('exit', () => this.running.delete(child));
    return child;
  }

  /** Runs the program to its end. */
  async run(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    const child = this.start(args, options);
    // It may end before it has read its input.
    child.stdin.on('error', () => {});
    child.stdin.end(options.stdin ?? '');
    const [stdout, stderr] = await Promise.all([
      buffer(child.stdout),
      buffer(child.stderr),
      once(child, 'close'),
    ]);
    return { code: child.exitCode, stdout, stderr: stderr.toString() };
  }

  /** Process ids of the agents that this installation has reached. */
  daemons(): number[] {
    const state = path.join(this.stateHome, 'livemount');
    if (!fs.existsSync(state)) return [];
    return fs
      .readdirSync(state)
      .filter((name) => name.startsWith('daemon-'))
      .map(
        (name) => JSON.parse(fs.readFileSync(path.join(state, name), 'utf8')) as { daemon: { pid: number } },
      )
      .map(({ daemon }) => daemon.pid);
  }

  dispose(): void {
    for (const child of this.running) if (child.pid !== undefined) stopProcess(child.pid, 'SIGKILL');
    for (const pid of this.daemons()) stopProcess(pid);
    fs.rmSync(this.folder, { recursive: true, force: true });
  }

  private get stateHome(): string {
    return path.join(this.folder, 'state');
  }
}
