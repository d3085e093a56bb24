import { Writable } from 'node:stream';
import { PROCESS_INPUT_MAX } from '../../protocol/livemount';

/** Bytes in one request: small enough for what is asked meanwhile to come through between two. */
const PIECE_BYTES = 32 << 10;

/** Sends a piece; settles when the host has it. */
export type SendPiece = (offset: bigint, bytes: Buffer, isLast: boolean) => Promise<unknown>;

/** What a process is given to read: in order, and never more than it may leave unread. */
export class Outgoing {
  readonly stream: Writable;
  private sent: bigint;
  private taken: bigint;
  private room: (() => void) | undefined;

  constructor(
    { received, taken }: { readonly received: bigint; readonly taken: bigint },
    private readonly send: SendPiece,
  ) {
    this.sent = received;
    this.taken = taken;
    this.stream = new Writable({
      highWaterMark: PROCESS_INPUT_MAX,
      write: (chunk: Buffer, _encoding, done) => {
        this.write(chunk).then(() => done(), done);
      },
      final: (done) => {
        this.send(this.sent, NOTHING, true).then(() => done(), done);
      },
    });
    this.stream.on('error', () => undefined); // A process that is gone reads nothing; `ended` tells.
  }

  /** The process has taken its input up to there. */
  took(offset: bigint): void {
    if (offset <= this.taken) return;
    this.taken = offset;
    this.room?.();
  }

  /** The process is over, or lost: nobody waits for it any more. */
  end(): void {
    this.stream.destroy();
    this.room?.();
  }

  private async write(chunk: Buffer): Promise<void> {
    for (let at = 0; at < chunk.length && !this.stream.destroyed; ) {
      const free = PROCESS_INPUT_MAX - Number(this.sent - this.taken);
      if (free <= 0) {
        await new Promise<void>((resolve) => {
          this.room = resolve;
        });
        continue;
      }
      const piece = chunk.subarray(at, at + Math.min(PIECE_BYTES, free));
      const offset = this.sent;
      at += piece.length;
      this.sent += BigInt(piece.length);
      // The next piece does not wait for the answer of this one: the round trip is the link's, not the program's.
      this.send(offset, piece, false).catch((error: Error) => this.stream.destroy(error));
    }
  }
}

const NOTHING = Buffer.alloc(0);
