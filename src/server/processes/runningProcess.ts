import type { Disposable } from '../../base/dispose';
import {
  PROCESS_EOF,
  PROCESS_INPUT_MAX,
  PROCESS_RESTART,
  ProcessAskOut,
  ProcessExitOut,
  type ProcessAdoptIn,
  type ProcessAdoptOut,
  type ProcessCreditIn,
  ProcessOutputOut,
  type ProcessWriteIn,
  ProcessTakenOut,
} from '../../protocol/livemount';
import { Notify } from '../../protocol/opcodes';
import type { Value } from '../../protocol/struct';
import { InputStream } from './inputStream';
import { type OutputBounds, OutputStream } from './outputStream';
import type { HostProcess, ProcessAsk, ProcessEnd } from './processHost';

/** Bytes of output in one notification at most: what one read gives. */
const OUTPUT_BYTES = 256 << 10;
/** ... of a terminal: a reply that comes behind it waits for no more than that. */
const TERMINAL_OUTPUT_BYTES = 32 << 10;
/** Input that was taken is reported from so many bytes on: the client may be ahead by more, and a key needs no word of its own. */
const TOLD_BYTES = BigInt(PROCESS_INPUT_MAX >> 2);
/** Questions of `lm` that a terminal may have open: each is a program that waits. */
const ASKS_MAX = 64;

/** A notification that may be sent; `data` stands behind the body. */
interface Next {
  readonly code: number;
  readonly body: Buffer;
  readonly data?: Buffer;
}

/** Whose process it is at the moment. */
export interface Owner {
  /** Something is there to be sent. */
  wake(process: RunningProcess): void;
}

export interface RunningProcessOptions {
  readonly key: Buffer;
  readonly keep: boolean;
  readonly isTerminal: boolean;
  readonly credit: number;
  readonly bounds: OutputBounds;
}

/** A process, with what it printed and was not sent, and what it was given and has not read. It may change its owner. */
export class RunningProcess implements Disposable {
  readonly key: Buffer;
  readonly keep: boolean;
  private readonly isTerminal: boolean;
  owner: Owner | undefined;
  /** The client's name for it. */
  id = 0n;
  private readonly input: InputStream;
  private readonly streams: readonly OutputStream[];
  private readonly asks = new Map<bigint, ProcessAsk>();
  private nextAsk = 1n;
  private untoldAsks: bigint[] = [];
  private end: ProcessEnd | undefined;
  private turn = 0;
  private toldEnd = false;
  private toldTaken = 0n;
  private ending: Promise<void> | undefined;

  constructor(
    private readonly host: HostProcess,
    options: RunningProcessOptions,
  ) {
    const { key, keep, isTerminal, credit, bounds } = options;
    this.key = key;
    this.keep = keep;
    this.isTerminal = isTerminal;
    const wake = () => this.owner?.wake(this);
    this.input = new InputStream(host.input, isTerminal, wake);
    this.streams = host.outputs.map((output) => new OutputStream(output, bounds, credit, wake));
    void host.exit.then((end) => {
      this.end = end;
      wake();
    });
  }

  get pid(): number {
    return this.host.pid;
  }

  get hasEnded(): boolean {
    return this.end !== undefined && this.streams.every((stream) => stream.hasEnded);
  }

  write({ offset, flags }: Value<typeof ProcessWriteIn>, bytes: Buffer): bigint {
    this.input.write(offset, bytes, (flags & PROCESS_EOF) !== 0);
    return this.input.received;
  }

  credit({ stream, from, limit, flags }: Value<typeof ProcessCreditIn>): void {
    const restart = (flags & PROCESS_RESTART) !== 0;
    this.streams[stream]?.credit(from, limit, restart);
    if (restart) this.tellAgain();
    this.owner?.wake(this);
  }

  resize(cols: number, rows: number): void {
    this.host.resize({ cols, rows });
  }

  signal(signal: number): void {
    this.host.signal(signal);
  }

  /** Another client takes it over. */
  adopted({ id, history, credit }: Value<typeof ProcessAdoptIn>): Value<typeof ProcessAdoptOut> {
    this.id = id;
    this.tellAgain();
    const [from = 0n] = this.streams.map((stream) => stream.handOver(history, credit));
    return { from, received: this.input.received, taken: this.input.taken, pid: this.pid, flags: 0 };
  }

  /** Its client is gone; it goes on until what it prints has no room. */
  abandoned(): void {
    this.owner = undefined;
    for (const stream of this.streams) stream.suspend();
    for (const [id] of this.asks) this.answer(id, 1, 'the window is gone');
  }

  /** Its rings may hold more, or less. */
  rebound(): void {
    for (const stream of this.streams) stream.release();
  }

  /** The next notification that may be sent, or undefined. What happens after output is reported after it. */
  next(): Next | undefined {
    const { id } = this;
    if (this.input.taken - this.toldTaken >= TOLD_BYTES) {
      this.toldTaken = this.input.taken;
      return { code: Notify.PROCESS_TAKEN, body: ProcessTakenOut.encode({ id, offset: this.toldTaken }) };
    }
    const asked = this.untoldAsks.shift();
    const ask = asked === undefined ? undefined : this.asks.get(asked);
    if (asked !== undefined && ask !== undefined) {
      const body = Buffer.concat([ProcessAskOut.encode({ id, request: asked }), ask.body]);
      return { code: Notify.PROCESS_ASK, body };
    }
    for (let turns = this.streams.length; turns > 0; turns--) {
      // In turns: what it says of errors does not wait for the end of a flood.
      const stream = this.turn;
      this.turn = (this.turn + 1) % this.streams.length;
      const next = this.streams[stream]?.next(this.isTerminal ? TERMINAL_OUTPUT_BYTES : OUTPUT_BYTES);
      if (next === undefined) continue;
      const body = ProcessOutputOut.encode({ id, offset: next.offset, stream });
      return { code: Notify.PROCESS_OUTPUT, body, data: next.data };
    }
    if (this.end === undefined || this.toldEnd || !this.streams.every((stream) => stream.isDone))
      return undefined;
    this.toldEnd = true;
    const [output = 0n, errors = 0n] = this.streams.map((stream) => stream.length);
    return {
      code: Notify.PROCESS_EXIT,
      body: ProcessExitOut.encode({ id, output, errors, ...this.end }),
    };
  }

  /** `lm` was called in its terminal. Gives what forgets it. */
  ask(ask: ProcessAsk): (() => void) | undefined {
    if (this.owner === undefined || this.asks.size >= ASKS_MAX) return undefined;
    const request = this.nextAsk++;
    this.asks.set(request, ask);
    this.untoldAsks.push(request);
    this.owner.wake(this);
    return () => this.asks.delete(request);
  }

  /** False when whoever asked is gone. */
  answer(request: bigint, status: number, message: string): boolean {
    const ask = this.asks.get(request);
    this.asks.delete(request);
    ask?.answer(status, message);
    return ask !== undefined;
  }

  /** Ends it, with its group; at once for one that has ended. */
  finish(): Promise<void> {
    for (const [id] of this.asks) this.answer(id, 1, 'the terminal is closed');
    this.ending ??= this.host.end();
    return this.ending;
  }

  dispose(): void {
    void this.finish();
  }

  private tellAgain(): void {
    this.toldEnd = false;
    this.toldTaken = 0n;
    this.untoldAsks = [...this.asks.keys()];
  }
}
