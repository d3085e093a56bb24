import type { Readable, Writable } from 'node:stream';
import type { Disposable } from '../../base/dispose';
import { asError } from '../../base/errors';
import { ErrnoError } from '../../protocol/errno';
import { FrameError, FrameReader, MIN_FRAME } from '../../protocol/frame';

/** Unsent bytes above which the channel counts as full: requests are not read and events gather in the journal. */
const FULL_BYTES = 4 << 20;
/** ... and below which it takes more again. */
const DRAINED_BYTES = 1 << 20;

export interface ChannelEvents {
  /** Gives whether the frame's memory may be used again. */
  frame(frame: Buffer): boolean;
  /** Unsent bytes fell below the mark after the channel had been full. */
  drained(): void;
  /** The stream has taken everything, after it had not. */
  writable?(): void;
  /** The channel is gone; `error` says why if it did not end well. */
  closed(error: Error | undefined): void;
}

/**
 * Frames over a byte stream. Frames sent in one turn of the event loop leave in one write; reading stops while too
 * much is unsent or too many requests are under way, so memory stays bounded whatever the client does.
 */
export class FrameChannel implements Disposable {
  private readonly reader = new FrameReader('requests', MIN_FRAME + (1 << 20));
  private outgoing: Buffer[] = [];
  private flushing = false;
  private held = 0;
  private wasFull = false;
  private open = true;

  constructor(
    private readonly input: Readable,
    private readonly output: Writable,
    private readonly events: ChannelEvents,
    /** `input` uses the memory of its chunks again. */
    private readonly lent = false,
  ) {
    input.on('data', (chunk: Buffer) => this.receive(chunk));
    input.on('end', () => this.ended());
    output.on('drain', () => this.drain());
    for (const stream of new Set([input, output])) {
      stream.on('close', () => this.close(undefined));
      stream.on('error', (error: Error) => this.close(error));
    }
  }

  /** Bytes that the other side has not taken yet. */
  get unsent(): number {
    return this.output.writableLength;
  }

  get full(): boolean {
    if (this.unsent > FULL_BYTES) this.wasFull = true;
    return this.wasFull;
  }

  get isOpen(): boolean {
    return this.open;
  }

  setMaxFrame(bytes: number): void {
    this.reader.setMaxFrame(bytes);
  }

  /** Sends a frame, in one piece or several. */
  send(...pieces: readonly Buffer[]): void {
    if (!this.open) return;
    this.outgoing.push(...pieces);
    if (this.flushing) return;
    this.flushing = true;
    // After the current turn: replies to one chunk of requests go out together.
    process.nextTick(() => this.flush());
  }

  /** Stops reading until `release`: the caller has as much to do as it may hold. */
  hold(): void {
    if (this.held++ === 0) this.input.pause();
  }

  release(): void {
    if (--this.held === 0 && this.open) this.input.resume();
  }

  dispose(): void {
    this.close(undefined);
  }

  /** Ends it at once: nothing more is taken in, and what waits to leave is dropped. */
  sever(): void {
    this.close(new ErrnoError('ECONNRESET', 'the session goes on without it'));
  }

  private flush(): void {
    this.flushing = false;
    const pieces = this.outgoing;
    if (pieces.length === 0 || !this.open) return;
    this.outgoing = [];
    if (pieces.length === 1) {
      this.output.write(pieces[0]);
    } else {
      this.output.cork();
      for (const piece of pieces) this.output.write(piece);
      this.output.uncork();
    }
    if (this.unsent > FULL_BYTES && !this.wasFull) {
      this.wasFull = true;
      this.hold();
    }
  }

  private drain(): void {
    this.events.writable?.();
    if (!this.wasFull || this.unsent > DRAINED_BYTES) return;
    this.wasFull = false;
    this.release();
    this.events.drained();
  }

  private receive(chunk: Buffer): void {
    try {
      for (const frame of this.reader.push(chunk, this.lent)) {
        if (!this.open) return;
        if (this.events.frame(frame)) this.reader.reuse(frame);
      }
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.close(error);
    }
  }

  private ended(): void {
    try {
      this.reader.end();
      this.close(undefined);
    } catch (error) {
      this.close(asError(error));
    }
  }

  private close(error: Error | undefined): void {
    if (!this.open) return;
    if (error === undefined) this.flush();
    this.open = false;
    this.outgoing = [];
    // What was answered still goes out to a client that only closed its own side.
    if (error === undefined && this.output.writable) this.output.end(() => this.input.destroy());
    else for (const stream of [this.input, this.output]) stream.destroy();
    this.events.closed(error);
  }
}
