/** Small chunks are put together up to this size: a program that writes byte by byte must not cost an object for each. */
const GATHERED_BYTES = 4096;

/** What a stream carried last: chunks, and where in the stream they stand. It keeps what it is given until that is dropped. */
export class OutputRing {
  private readonly chunks: Buffer[] = [];
  private first = 0n;
  private behind = 0n;
  private readonly lends: boolean;

  /** `reuse` takes back the memory of what was dropped; without it, chunks are the ring's own. */
  constructor(private readonly reuse?: (bytes: Buffer) => void) {
    this.lends = reuse !== undefined;
  }

  /** Where the oldest byte kept stands in the stream. */
  get start(): bigint {
    return this.first;
  }

  /** Where the next byte will stand. */
  get end(): bigint {
    return this.behind;
  }

  get length(): number {
    return Number(this.behind - this.first);
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    const last = this.chunks.at(-1);
    if (
      last !== undefined &&
      last.buffer === chunk.buffer &&
      last.byteOffset + last.length === chunk.byteOffset
    ) {
      this.chunks[this.chunks.length - 1] = Buffer.from(
        last.buffer,
        last.byteOffset,
        last.length + chunk.length,
      );
    } else if (last !== undefined && !this.lends && last.length + chunk.length <= GATHERED_BYTES) {
      this.chunks[this.chunks.length - 1] = Buffer.concat([last, chunk]);
    } else {
      this.chunks.push(chunk);
    }
    this.behind += BigInt(chunk.length);
  }

  /** Bytes from `at` on: at most `length`, and at least one unless there is none. */
  read(at: bigint, length: number): Buffer {
    let from = this.first;
    for (const chunk of this.chunks) {
      const next = from + BigInt(chunk.length);
      if (at < next) {
        const skip = Number(at - from);
        return chunk.subarray(skip, skip + length);
      }
      from = next;
    }
    return NOTHING;
  }

  /** Gives up what stands before `at`, whole chunks or a part of one. */
  dropBefore(at: bigint): void {
    const limit = at < this.behind ? at : this.behind;
    for (let chunk = this.chunks[0]; chunk !== undefined && this.first < limit; chunk = this.chunks[0]) {
      const dropped = Number(limit - this.first);
      if (dropped < chunk.length) {
        this.reuse?.(chunk.subarray(0, dropped));
        this.chunks[0] = chunk.subarray(dropped);
        this.first = limit;
      } else {
        this.chunks.shift();
        this.reuse?.(chunk);
        this.first += BigInt(chunk.length);
      }
    }
  }
}

const NOTHING = Buffer.alloc(0);
