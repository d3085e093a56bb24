import { Readable } from 'node:stream';
import { ErrnoError } from '../../protocol/errno';
import type { OutputWindow } from './outputWindow';

/**
 * One output stream of a process as it arrives: every byte once, in its place. The host may send a window beyond
 * what was read here.
 */
export class Incoming {
  readonly stream: Readable;
  private received: bigint;
  private allowed: bigint;
  private read: bigint;

  constructor(
    from: bigint,
    private readonly window: OutputWindow,
    /** Tells the host how far it came, and how far it may go. */
    private readonly credit: (from: bigint, limit: bigint) => void,
  ) {
    this.received = from;
    this.read = from;
    this.allowed = from + BigInt(window.bytes);
    this.stream = new Readable({
      // Node asks for more as soon as less than this waits: while the other half is on its way.
      highWaterMark: window.bytes >> 1,
      // Node asks before it takes out what it asks for.
      read: () => process.nextTick(() => this.wanted()),
    });
    // Who disposes it has said so; a loss is told by `ended`.
    this.stream.on('error', () => undefined);
  }

  get position(): bigint {
    return this.received;
  }

  /** How far the host may go. */
  get limit(): bigint {
    return this.received - BigInt(this.stream.readableLength) + BigInt(this.window.bytes);
  }

  /** Takes bytes that begin at `offset`; what is here already is ignored. EPROTO where something is left out, or too much. */
  take(offset: bigint, bytes: Buffer): void {
    if (offset > this.received) throw new ErrnoError('EPROTO', 'a part of the output is missing');
    const known = Number(this.received - offset);
    if (known >= bytes.length) return;
    const fresh = bytes.subarray(known);
    if (this.received + BigInt(fresh.length) > this.allowed)
      throw new ErrnoError('EPROTO', 'more output than was asked for');
    this.received += BigInt(fresh.length);
    if (this.stream.destroyed) {
      // Nobody reads it; the process goes on as into a closed window.
      this.wanted();
      return;
    }
    this.stream.push(fresh);
  }

  /** The channel is another one: from here on. */
  resumed(): { readonly from: bigint; readonly limit: bigint } {
    const { limit } = this;
    if (limit > this.allowed) this.allowed = limit;
    return { from: this.received, limit: this.allowed };
  }

  /** Nothing more comes. */
  end(error?: Error): void {
    if (error !== undefined) this.stream.destroy(error);
    else if (!this.stream.destroyed) this.stream.push(null);
  }

  private wanted(): void {
    const read = this.received - BigInt(this.stream.readableLength);
    this.window.took(Number(read - this.read));
    this.read = read;
    const { limit } = this;
    // Not for every byte: a quarter of the window is a packet or many.
    if (limit - this.allowed < BigInt(this.window.bytes >> 2)) return;
    this.allowed = limit;
    this.credit(this.received, limit);
  }
}
