import { OutputRing } from './outputRing';
import type { OutputSource } from './processHost';

/** Bytes a client may allow beyond those it has: more would only fill its memory. */
const CREDIT_MAX = 8n << 20n;

export interface OutputBounds {
  /**
   * Bytes that may wait for the client, which allows `granted` of them to be under way; the process waits in its write
   * when there are more. Asked again each time.
   */
  readonly waiting: (granted: number) => number;
  /** Bytes that are kept for another client after this one has them. */
  readonly history: number;
}

/**
 * One output stream of a process: read from it as long as there is room, sent as far as the client allows, and kept
 * until the client says that it has it.
 */
export class OutputStream {
  private readonly ring: OutputRing;
  private sent = 0n;
  private acknowledged = 0n;
  private limit: bigint;
  private finished = false;

  constructor(
    private readonly source: OutputSource,
    private readonly bounds: OutputBounds,
    credit: number,
    private readonly changed: () => void,
  ) {
    this.ring = new OutputRing(source.reuse?.bind(source));
    this.limit = bounded(BigInt(credit), 0n);
    // A stream that carried nothing may have come to its end before anybody looked.
    this.finished = source.readableEnded || source.destroyed;
    source.on('data', (chunk: Buffer) => this.take(chunk));
    const ended = () => {
      if (this.finished) return;
      this.finished = true;
      this.changed();
    };
    source.on('end', ended);
    source.on('close', ended);
    source.on('error', ended); // A terminal that hung up, or a pipe that broke: nothing more comes.
    source.resume();
  }

  /** Bytes that the stream carried. */
  get length(): bigint {
    return this.ring.end;
  }

  /** Nothing more comes, and all of it was sent. */
  get isDone(): boolean {
    return this.finished && this.sent === this.length;
  }

  get hasEnded(): boolean {
    return this.finished;
  }

  /** The next bytes that may be sent, at most `bytes`; undefined if there are none. */
  next(bytes: number): { readonly offset: bigint; readonly data: Buffer } | undefined {
    const allowed = this.limit - this.sent;
    if (allowed <= 0n) return undefined;
    const length = allowed < BigInt(bytes) ? Number(allowed) : bytes;
    const data = this.ring.read(this.sent, length);
    if (data.length === 0) return undefined;
    const offset = this.sent;
    this.sent += BigInt(data.length);
    return { offset, data };
  }

  /** The client has everything before `from` and takes what stands before `limit`. */
  credit(from: bigint, limit: bigint, restart: boolean): void {
    const has = clamp(from, this.ring.start, restart ? this.ring.end : this.sent);
    if (restart) this.sent = has;
    if (has > this.acknowledged) this.acknowledged = has;
    this.limit = bounded(limit, has);
    this.release();
  }

  /** Another client takes over: it gets at most the last `history` bytes again. Gives where they begin. */
  handOver(history: number, credit: number): bigint {
    const wanted = this.ring.end - BigInt(history);
    this.sent = wanted > this.ring.start ? wanted : this.ring.start;
    this.acknowledged = this.sent;
    this.limit = bounded(this.sent + BigInt(credit), this.sent);
    return this.sent;
  }

  /** Nobody takes anything until there is another client. */
  suspend(): void {
    this.limit = this.sent;
  }

  /** The bounds may have changed. */
  release(): void {
    const keepFrom = this.ring.end - BigInt(this.bounds.history);
    this.ring.dropBefore(keepFrom < this.acknowledged ? keepFrom : this.acknowledged);
    if (this.hasRoom) this.source.resume();
  }

  private get hasRoom(): boolean {
    const granted = this.limit > this.acknowledged ? Number(this.limit - this.acknowledged) : 0;
    return Number(this.length - this.acknowledged) < this.bounds.waiting(granted);
  }

  private take(chunk: Buffer): void {
    this.ring.push(chunk);
    if (!this.hasRoom) this.source.pause();
    this.changed();
  }
}

function clamp(value: bigint, low: bigint, high: bigint): bigint {
  return value < low ? low : value > high ? high : value;
}

function bounded(limit: bigint, from: bigint): bigint {
  return clamp(limit, from, from + CREDIT_MAX);
}
