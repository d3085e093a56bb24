import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { Duplex } from 'node:stream';
import type { Link } from '../../../src/client/session/link';

const AGENT = path.resolve(__dirname, '../../../dist/agent.js');

/** The built agent as a child process, reached over its standard streams; one process per channel. */
export class StdioAgent implements Link {
  readonly rung = 'stdio';
  readonly reason = 'a test';
  private readonly children = new Set<ChildProcess>();
  /** What the agent said on its standard error. */
  log = '';

  constructor(private readonly args: readonly string[] = []) {}

  async openChannel(): Promise<Duplex> {
    const child = spawn(process.execPath, [AGENT, 'serve', '--stdio', '--root', '/', ...this.args], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.children.add(child);
    child.once('exit', () => this.children.delete(child));
    child.stderr.on('data', (chunk: Buffer) => {
      this.log += chunk.toString();
    });
    await once(child, 'spawn');
    return Duplex.from({ readable: child.stdout, writable: child.stdin }) as Duplex;
  }

  dispose(): void {
    for (const child of this.children) child.stdin?.end();
  }

  /** Waits until every agent has ended by itself. */
  async ended(): Promise<void> {
    await Promise.all([...this.children].map((child) => once(child, 'exit')));
  }
}
