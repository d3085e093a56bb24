import type { Duplex } from 'node:stream';
import type { Disposable } from '../../base/dispose';
import { asError } from '../../base/errors';
import { ErrnoError } from '../../protocol/errno';
import { FrameError, FrameReader, MAX_FRAME } from '../../protocol/frame';
import { decodeReply, type ReplyHeader } from '../../protocol/message';
import { type Priority, SendQueue } from './sendQueue';

/** Bytes the stream may hold unsent before the queue keeps the rest, where lanes still count. */
const STREAM_BYTES = 64 << 10;

export interface ChannelEvents {
  /**
   * A reply, or a notification (unique 0). The body shares the frame's memory. Whatever it throws ends the channel: the
   * stream must not go on behind something that was taken in by half.
   */
  reply(channel: Channel, reply: ReplyHeader): void;
  /** The stream is gone; once. A FrameError says that the peer spoke nonsense. */
  ended(channel: Channel, reason: Error): void;
}

/** FUSE frames over one byte stream. It knows no request: what is sent and what a reply belongs to is the session's. */
export class Channel implements Disposable {
  private readonly reader = new FrameReader('replies', MAX_FRAME);
  private readonly queue = new SendQueue();
  private open = true;
  private blocked = false;
  private flushing = false;
  /** Bytes that came in, for the keepalive and the transfer window. */
  received = 0;

  constructor(
    private readonly stream: Duplex,
    private readonly events: ChannelEvents,
  ) {
    stream.on('data', (chunk: Buffer) => this.receive(chunk));
    stream.on('drain', () => {
      this.blocked = false;
      this.flush();
    });
    stream.on('end', () => this.finish());
    stream.on('close', () => this.close(new ErrnoError('ECONNRESET', 'the channel closed')));
    stream.on('error', (error) => this.close(error));
  }

  get isOpen(): boolean {
    return this.open;
  }

  /** Bytes queued or in the stream that the link has not taken. */
  get unsent(): number {
    return this.queue.waiting + this.stream.writableLength;
  }

  /**
   * Queues a frame; `sent` is called when it has been given to the stream. Frames of one turn leave in one write. False:
   * the channel is closed, and the frame goes nowhere.
   */
  send(frame: Buffer, priority: Priority, sent?: () => void): boolean {
    if (!this.open) return false;
    this.queue.push(frame, priority, sent);
    if (this.flushing || this.blocked) return true;
    this.flushing = true;
    process.nextTick(() => this.flush());
    return true;
  }

  /** Takes back a frame that has not left; false if it has. */
  withdraw(frame: Buffer): boolean {
    return this.queue.remove(frame);
  }

  /** Ends the stream; `ended` is not called. */
  dispose(): void {
    if (!this.open) return;
    this.flush();
    this.open = false;
    this.stream.end(() => this.stream.destroy());
  }

  /** Ends the stream because of `reason`, and says so. */
  close(reason: Error): void {
    if (!this.open) return;
    this.open = false;
    this.stream.destroy();
    this.events.ended(this, reason);
  }

  private flush(): void {
    this.flushing = false;
    if (!this.open || this.blocked) return;
    this.stream.cork();
    while (this.stream.writableLength < STREAM_BYTES) {
      const next = this.queue.shift();
      if (next === undefined) break;
      this.blocked = !this.stream.write(next.frame);
      next.sent?.();
      if (next.frame.length >= STREAM_BYTES) break;
    }
    this.stream.uncork();
    // A stream that took everything at once will not say 'drain'.
    if (this.blocked && !this.stream.writableNeedDrain) this.blocked = false;
    if (!this.blocked && this.queue.waiting > 0) {
      this.flushing = true;
      setImmediate(() => this.flush());
    }
  }

  private receive(chunk: Buffer): void {
    if (!this.open) return;
    this.received += chunk.length;
    try {
      for (const frame of this.reader.push(chunk)) {
        if (!this.open) return;
        this.take(decodeReply(frame));
      }
    } catch (error) {
      this.close(asError(error));
    }
  }

  private take(reply: ReplyHeader): void {
    try {
      this.events.reply(this, reply);
    } catch (error) {
      if (reply.unique !== 0n || !(error instanceof ErrnoError)) throw error;
      throw new FrameError(`a notification that cannot be: ${error.message}`, { cause: error });
    }
  }

  private finish(): void {
    try {
      this.reader.end();
      this.close(new ErrnoError('ECONNRESET', 'the agent closed the channel'));
    } catch (error) {
      this.close(asError(error));
    }
  }
}
