import { ErrnoError } from './errno';
import { InHeader, OutHeader } from './fuse';

/** The stream can't be followed any more: the connection ends. The sentence says why, for the log and stderr. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
}

export type Side = 'requests' | 'replies';

const headerSize = { requests: InHeader.size, replies: OutHeader.size } as const;

/**
 * Cuts a byte stream into FUSE frames by their length word.
 *
 * It holds at most one frame of `maxFrame` bytes plus the chunk just pushed: a length outside
 * [header, maxFrame] throws FrameError before anything is buffered for it, and every later push does too.
 */
export class FrameReader {
  private parts: Buffer[] = [];
  private buffered = 0;
  /** Length of the frame being gathered, 0 while its length word is not complete. */
  private expected = 0;
  private broken: FrameError | undefined;

  constructor(
    private readonly side: Side,
    private maxFrame: number,
  ) {}

  /** Bytes held of a frame that is not complete. */
  get pending(): number {
    return this.buffered;
  }

  /** Set once INIT has fixed the sizes. */
  setMaxFrame(bytes: number): void {
    this.maxFrame = bytes;
  }

  /** Takes the next bytes of the stream and yields each frame that is complete now; frames may share the chunk's memory. */
  *push(chunk: Buffer): Generator<Buffer, void, void> {
    if (this.broken) throw this.broken;
    let rest = chunk;
    while (rest.length > 0) {
      if (this.buffered === 0 && rest.length >= 4) {
        const length = this.checked(rest.readUInt32LE(0));
        if (rest.length >= length) {
          yield rest.subarray(0, length);
          rest = rest.subarray(length);
          continue;
        }
        this.expected = length;
      }
      rest = this.gather(rest);
      if (this.expected !== 0 && this.buffered === this.expected) {
        const frame =
          this.parts.length === 1 ? (this.parts[0] as Buffer) : Buffer.concat(this.parts, this.buffered);
        this.reset();
        yield frame;
      }
    }
  }

  /** Says that the stream ended. Throws FrameError when that tore a frame. */
  end(): void {
    if (this.buffered > 0) {
      throw this.fail(
        `the stream ended in the middle of a frame (${this.buffered} of ${this.expected || '?'} bytes)`,
      );
    }
  }

  /** Takes what belongs to the frame being gathered and gives back the rest. */
  private gather(bytes: Buffer): Buffer {
    if (this.expected === 0) {
      const head = bytes.subarray(0, 4 - this.buffered);
      this.keep(head);
      if (this.buffered < 4) return bytes.subarray(head.length);
      const word = Buffer.concat(this.parts, 4);
      this.expected = this.checked(word.readUInt32LE(0));
      return bytes.subarray(head.length);
    }
    const body = bytes.subarray(0, this.expected - this.buffered);
    this.keep(body);
    return bytes.subarray(body.length);
  }

  private keep(part: Buffer): void {
    // A copy: a small piece must not hold the large chunk it came in.
    this.parts.push(Buffer.from(part));
    this.buffered += part.length;
  }

  private reset(): void {
    this.parts = [];
    this.buffered = 0;
    this.expected = 0;
  }

  private checked(length: number): number {
    if (length < headerSize[this.side])
      throw this.fail(`a frame says it has ${length} bytes, less than its header`);
    if (length > this.maxFrame) {
      throw this.fail(`a frame says it has ${length} bytes, more than the ${this.maxFrame} agreed on`);
    }
    return length;
  }

  private fail(message: string): FrameError {
    this.reset();
    this.broken = new FrameError(message);
    return this.broken;
  }
}

/** The largest frame before INIT has agreed on anything: FUSE_MIN_READ_BUFFER of linux/fuse.h. */
export const MIN_FRAME = 8192;
/** The largest frame we ever agree on: 1 MiB of data (fs.fuse.max_pages_limit) and room for the header and names. */
export const MAX_FRAME = (1 << 20) + (64 << 10);

/** A reply that carries `body`, or the error alone: a success with the wrong size or an error with a body is EIO to the kernel. */
export function encodeReplyFrame(unique: bigint, error: number, body?: Buffer): Buffer {
  if (error > 0 || error <= -512) throw new ErrnoError('EINVAL', `${error} is no reply error`);
  const size = OutHeader.size + (body?.length ?? 0);
  const frame = Buffer.allocUnsafe(size);
  frame.writeUInt32LE(size, 0);
  frame.writeInt32LE(error, 4);
  frame.writeBigUInt64LE(unique, 8);
  body?.copy(frame, OutHeader.size);
  return frame;
}

/** A notification: unique 0, the code in place of the error. */
export function encodeNotifyFrame(code: number, body: Buffer): Buffer {
  const size = OutHeader.size + body.length;
  const frame = Buffer.allocUnsafe(size);
  frame.writeUInt32LE(size, 0);
  frame.writeInt32LE(code, 4);
  frame.writeBigUInt64LE(0n, 8);
  body.copy(frame, OutHeader.size);
  return frame;
}
