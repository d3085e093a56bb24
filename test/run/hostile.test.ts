// Clients that do not keep to what was agreed: what they cost the host has a bound, and others notice nothing.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import type { Duplex } from 'node:stream';
import { describe, it, type TestContext } from 'node:test';
import { signalSession } from '../../src/agent/processes/processGroup';
import { connectVfs } from '../../src/client/connect';
import { run } from '../../src/client/processes/run';
import { handshakeFrames, NO_SESSION } from '../../src/client/session/handshake';
import { ROOT_ID, type Unique } from '../../src/protocol/brand';
import { FrameReader, MAX_FRAME } from '../../src/protocol/frame';
import { ALL_FEATURES, ProcessStartOut } from '../../src/protocol/livemount';
import { decodeReply, encodeRequest } from '../../src/protocol/message';
import { encodeStrings } from '../../src/protocol/processes';
import { NO_CURSORS } from '../../src/protocol/resume';
import { eventually, HostAgent, WireLink } from '../client/support/hostAgent';
import { childrenOf, isAlive } from '../fixtures/processes';

const { SIGKILL } = constants.signals;
/** Of the pipe, which the kernel holds. */
const PIPE_BYTES = 256 << 10;
/** Of all that waits in the agent (run.md). */
const WAITING_BYTES = 64 << 20;

/** A client that is written by hand: it sends what it likes, and reads only for so long as it likes. */
class OddClient {
  private unique = 100n;
  private readonly reader = new FrameReader('replies', MAX_FRAME);
  readonly pids: number[] = [];

  private constructor(private readonly stream: Duplex) {
    stream.on('data', (chunk: Buffer) => {
      for (const frame of this.reader.push(chunk)) {
        const { unique, error, body } = decodeReply(frame);
        if (unique >= 100n && error === 0 && body.length === ProcessStartOut.size)
          this.pids.push(ProcessStartOut.decode(body).pid);
      }
    });
    stream.on('error', () => undefined);
  }

  static async to(link: WireLink): Promise<OddClient> {
    const client = new OddClient(await link.openChannel());
    for (const frame of handshakeFrames(NO_SESSION, NO_CURSORS, false, 60, ALL_FEATURES))
      client.stream.write(frame);
    return client;
  }

  start(id: bigint, program: readonly string[], credit: number): void {
    const fixed = { id, flags: 0, credit, cols: 0, rows: 0, args: program.length, env: 0 };
    const data = encodeStrings(program.map((word) => Buffer.from(word)));
    this.send(encodeRequest('PROCESS_START', this.next(), ROOT_ID, fixed, [Buffer.alloc(0)], data));
  }

  credit(id: bigint, from: bigint, limit: bigint, flags: number): void {
    this.send(encodeRequest('PROCESS_CREDIT', this.next(), ROOT_ID, { id, stream: 0, from, limit, flags }));
  }

  /** It takes nothing any more. */
  stop(): void {
    this.stream.pause();
  }

  gone(): void {
    this.stream.destroy();
  }

  private send(frame: Buffer): void {
    this.stream.write(frame);
  }

  private next(): Unique {
    this.unique += 2n;
    return this.unique as Unique;
  }
}

/** What a process has written so far; undefined when it is gone. */
function written(pid: number): number {
  return Number(/wchar: (\d+)/.exec(readFileSync(`/proc/${pid}/io`, 'latin1'))?.[1]);
}

/** Resolves with what all of them wrote, when none of them writes any more. */
async function waiting(pids: readonly number[]): Promise<number> {
  let before = -1;
  let quiet = 0;
  await eventually(
    'all wait in their write',
    () => {
      const now = pids.reduce((sum, pid) => sum + written(pid), 0);
      quiet = now === before ? quiet + 1 : 0;
      before = now;
      return quiet > 40;
    },
    60_000,
  );
  return before;
}

async function odd(t: TestContext): Promise<{ client: OddClient; agent: HostAgent; link: WireLink }> {
  const agent = new HostAgent();
  t.after(() => agent.close());
  const link = new WireLink(agent, false);
  const client = await OddClient.to(link);
  t.after(() => client.gone());
  return { client, agent, link };
}

describe('a client', () => {
  it('that never gives credit makes a process wait, and costs the host a bounded memory', async (t) => {
    const { client, agent } = await odd(t);
    const count = 40;
    for (let id = 1n; id <= count; id++) client.start(id, ['cat', '/dev/zero'], 0);
    await eventually('all run', () => client.pids.length === count);
    const bytes = await waiting(client.pids);
    assert.ok(bytes > 0);
    // A read may bring a block more than there was room for.
    assert.ok(bytes <= WAITING_BYTES + 2 * count * PIPE_BYTES, `${bytes} bytes for ${count} processes`);
    // Others notice nothing.
    const vfs = await connectVfs(new WireLink(agent, false));
    t.after(() => vfs.dispose());
    assert.equal((await run(vfs.processes, ['echo', 'quick'])).output.toString(), 'quick\n');
  });

  it('that gives all credit there is and reads nothing has no more than that', async (t) => {
    const { client } = await odd(t);
    const count = 40;
    for (let id = 1n; id <= count; id++) client.start(id, ['cat', '/dev/zero'], 0);
    await eventually('all run', () => client.pids.length === count);
    client.stop();
    for (let id = 1n; id <= count; id++) client.credit(id, 0n, (1n << 64n) - 1n, 0);
    const bytes = await waiting(client.pids);
    assert.ok(bytes <= WAITING_BYTES + 2 * count * PIPE_BYTES, `${bytes} bytes for ${count} processes`);
  });

  it('that says it has what it was never sent, or goes back, takes nothing from others', async (t) => {
    const { client, agent } = await odd(t);
    client.start(1n, ['cat', '/dev/zero'], 0);
    await eventually('it runs', () => client.pids.length === 1);
    for (const from of [1n << 40n, 0n, (1n << 64n) - 1n, 5n])
      for (const flags of [0, 1, 0xffff_ffff]) client.credit(1n, from, 1n << 20n, flags);
    client.credit(77n, 0n, 1n, 0);
    const vfs = await connectVfs(new WireLink(agent, false));
    t.after(() => vfs.dispose());
    assert.equal((await run(vfs.processes, ['echo', 'quick'])).output.toString(), 'quick\n');
    assert.ok(isAlive(client.pids[0] ?? 0));
  });
});

describe('a number that another process has by now', () => {
  it('is not signalled: the leader of the session was waited for, and this one is a stranger’s', async (t) => {
    const stranger = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' });
    const { pid = 0 } = stranger;
    t.after(() => stranger.kill('SIGKILL'));
    await eventually('it leads a session', () => childrenOf(process.pid).includes(pid));
    assert.equal(signalSession(pid, true, SIGKILL), 0);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.ok(isAlive(pid));
    // Of a leader that was not waited for, the number is its own.
    assert.equal(signalSession(pid, false, SIGKILL), 1);
    await once(stranger, 'exit');
  });
});
