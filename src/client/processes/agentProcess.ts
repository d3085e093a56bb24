import type { Readable, Writable } from 'node:stream';
import type { Disposable } from '../../base/dispose';
import { Emitter } from '../../base/emitter';
import { ROOT_ID } from '../../protocol/brand';
import { ErrnoError } from '../../protocol/errno';
import { PROCESS_EOF, PROCESS_RESTART, ProcessStream } from '../../protocol/livemount';
import { DATA_DEADLINE_MS } from '../session/options';
import type { Session } from '../session/session';
import { Priority } from '../session/sendQueue';
import { Incoming } from './incoming';
import type { OutputWindow } from './outputWindow';
import { Outgoing } from './outgoing';
import type { Ask, ProcessEnd, RemoteProcess, TerminalSize } from './processes';

export interface AgentProcessOptions {
  readonly id: bigint;
  /** A window for each of its output streams. */
  readonly window: () => OutputWindow;
  readonly isTerminal: boolean;
  /** Where its streams stand. */
  readonly from?: bigint;
  readonly received?: bigint;
  readonly taken?: bigint;
}

/** What the host has told of the end of a process. */
interface Told extends ProcessEnd {
  readonly lengths: readonly bigint[];
}

/** A process that the agent keeps for this session. */
export class AgentProcess implements RemoteProcess {
  pid = 0;
  key = '';
  readonly ended: Promise<ProcessEnd>;
  private readonly streams: readonly [Incoming, Incoming];
  private readonly outgoing: Outgoing;
  private readonly asks: Emitter<Ask>;
  private settle: { resolve(end: ProcessEnd): void; reject(error: Error): void } | undefined;
  private isOver = false;

  constructor(
    private readonly session: Session,
    private readonly options: AgentProcessOptions,
    /** It is known no more. */
    private readonly forgotten: (process: AgentProcess) => void,
    failed: (error: unknown) => void,
  ) {
    const { id, window, from = 0n, received = 0n, taken = 0n } = options;
    const stream = (index: number) =>
      new Incoming(from, window(), (position, limit) => this.credit(index, position, limit, 0));
    this.streams = [stream(ProcessStream.OUTPUT), stream(ProcessStream.ERRORS)];
    if (options.isTerminal) this.streams[ProcessStream.ERRORS].end();
    // One priority for all of it: pieces stay in order.
    const priority = options.isTerminal ? Priority.NORMAL : Priority.BULK;
    this.outgoing = new Outgoing({ received, taken }, (offset, data, isLast) =>
      session.request(
        'PROCESS_WRITE',
        ROOT_ID,
        { id, offset, flags: isLast ? PROCESS_EOF : 0 },
        { data, priority, patient: true, deadlineMs: DATA_DEADLINE_MS },
      ),
    );
    this.asks = new Emitter(failed);
    this.ended = new Promise((resolve, reject) => {
      this.settle = { resolve, reject };
    });
    this.ended.catch(() => undefined); // Whoever wants to know asks.
  }

  get id(): bigint {
    return this.options.id;
  }

  get output(): Readable {
    return this.streams[ProcessStream.OUTPUT].stream;
  }

  get errors(): Readable {
    return this.streams[ProcessStream.ERRORS].stream;
  }

  get input(): Writable {
    return this.outgoing.stream;
  }

  resize({ cols, rows }: TerminalSize): void {
    if (this.isOver) return;
    const sent = this.session.request('PROCESS_RESIZE', ROOT_ID, { id: this.id, cols, rows });
    // One that just ended has no size; the next resize repairs one that was lost.
    sent.catch(() => undefined);
  }

  async signal(signal: number): Promise<void> {
    if (this.isOver) throw new ErrnoError('ESRCH', 'the process has ended');
    await this.session.request('PROCESS_SIGNAL', ROOT_ID, { id: this.id, signal }, { patient: true });
  }

  onAsk(listener: (ask: Ask) => void): Disposable {
    return this.asks.on(listener);
  }

  leave(): void {
    this.over(new ErrnoError('ECANCELED', 'it was left to another client'));
  }

  dispose(): void {
    if (this.isOver) return;
    this.release();
    this.over(new ErrnoError('ECANCELED', 'it was ended'));
  }

  // What the host tells -------------------------------------------------------------------------------------------

  tookOutput(stream: number, offset: bigint, bytes: Buffer): void {
    const incoming = this.streams[stream];
    if (incoming === undefined) throw new ErrnoError('EPROTO', `stream ${stream}`);
    if (!this.isOver) incoming.take(offset, bytes);
  }

  tookInput(offset: bigint): void {
    this.outgoing.took(offset);
  }

  asked(request: bigint, body: Buffer): void {
    let isAnswered = false;
    const answer = (status: number, message = '') => {
      if (isAnswered) return;
      isAnswered = true;
      const data = Buffer.from(message);
      this.session
        .request('PROCESS_ANSWER', ROOT_ID, { id: this.id, request, status }, { data, patient: true })
        .catch(() => undefined); // It gave up waiting.
    };
    if (this.asks.hasListeners) this.asks.fire({ body: body.toString('utf8'), answer });
    else answer(1, 'nothing here opens files');
  }

  told({ lengths, code, signal }: Told): void {
    if (this.isOver) return;
    const isWhole = this.streams.every(
      (stream, index) => (this.options.isTerminal && index > 0) || stream.position === lengths[index],
    );
    if (!isWhole) throw new ErrnoError('EPROTO', 'the process ended before its output did');
    this.release();
    for (const stream of this.streams) stream.end();
    this.settle?.resolve({ code, signal });
    this.over(undefined);
  }

  /** Another channel speaks for the session. */
  resumed(): void {
    const streams = this.options.isTerminal ? [this.streams[0]] : this.streams;
    for (const [index, stream] of streams.entries()) {
      const { from, limit } = stream.resumed();
      this.credit(index, from, limit, PROCESS_RESTART);
    }
  }

  /** It can't go on: its agent is gone, or what this one says of it can't be. */
  lost(error: Error): void {
    for (const stream of this.streams) stream.end(error);
    this.over(error);
  }

  private credit(stream: number, from: bigint, limit: bigint, flags: number): void {
    if (!this.isOver)
      this.session.post('PROCESS_CREDIT', ROOT_ID, { id: this.id, stream, from, limit, flags });
  }

  private release(): void {
    this.session
      .request('PROCESS_RELEASE', ROOT_ID, { id: this.id }, { patient: true, background: true })
      .catch(() => undefined); // Gone with its session, which is as good.
  }

  private over(error: Error | undefined): void {
    if (this.isOver) return;
    this.isOver = true;
    this.outgoing.end();
    if (error !== undefined) {
      for (const stream of this.streams) stream.end(error);
      this.settle?.reject(error);
    }
    this.asks.dispose();
    this.forgotten(this);
  }
}
