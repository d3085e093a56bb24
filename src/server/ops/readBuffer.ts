/** Reads from this size on are larger than most files. */
const LARGE_BYTES = 64 << 10;

/**
 * Memory for reads whose length is not known before: a client that has not seen a file yet asks for as much as one reply
 * holds. What the file does not fill is used for the next read, or every small file would cost a megabyte.
 */
export class ReadBuffer {
  private spare: Buffer | undefined;

  take(size: number): Buffer {
    const { spare } = this;
    if (size < LARGE_BYTES || spare === undefined || spare.length < size) return Buffer.allocUnsafe(size);
    this.spare = undefined;
    return spare.subarray(0, size);
  }

  /** The first `count` bytes of a buffer that was taken; the buffer itself is nobody's any more. */
  filled(buffer: Buffer, count: number): Buffer {
    if (buffer.length < LARGE_BYTES || count > buffer.length / 2) return buffer.subarray(0, count);
    this.spare = buffer;
    return Buffer.from(buffer.subarray(0, count));
  }
}
