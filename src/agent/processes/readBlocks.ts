/** Room for one read of a stream: at first, and of one that fills it. */
const FIRST_BYTES = 16 << 10;
const MOST_BYTES = 256 << 10;
/** Less room than this is not worth a read. */
const LEAST_BYTES = 4 << 10;
/** Blocks kept for the next reads. */
const FREE_MAX = 8;

/** A piece of memory, and how much of it somebody still holds. */
interface Block {
  readonly memory: Buffer;
  filled: number;
  held: number;
}

/**
 * The memory that one stream is read into. What was read stays where it is until it is given back, so nothing is copied,
 * and the memory is used again: fresh memory for each read would keep the garbage collector busy. Reads that follow each
 * other lie side by side.
 */
export class ReadBlocks {
  private readonly blocks = new Map<ArrayBufferLike, Block>();
  private readonly free: Buffer[] = [];
  private size = FIRST_BYTES;
  private current: Block | undefined;

  /** Where the next read goes. */
  room(): Buffer {
    const block = this.current;
    // A stream that filled all the room it had brings more at once than fits.
    const isFull = block !== undefined && block.filled === block.memory.length;
    if (isFull) this.size = Math.min(this.size * 4, MOST_BYTES);
    if (block !== undefined && !(isFull && block.memory.length < this.size)) {
      if (block.held === 0) block.filled = 0;
      if (block.memory.length - block.filled >= LEAST_BYTES) return block.memory.subarray(block.filled);
    }
    const memory = this.free.pop() ?? Buffer.allocUnsafeSlow(this.size);
    this.current = { memory, filled: 0, held: 0 };
    this.blocks.set(memory.buffer, this.current);
    if (block !== undefined) this.release(block);
    return memory;
  }

  /** A read brought so many bytes. Gives them; they are the caller's until `reuse`. */
  took(bytes: number): Buffer {
    const block = this.current;
    if (block === undefined) throw new RangeError('nothing was read yet');
    const from = block.filled;
    block.filled += bytes;
    block.held += bytes;
    return block.memory.subarray(from, block.filled);
  }

  /** Nobody looks at these bytes any more. */
  reuse(bytes: Buffer): void {
    const block = this.blocks.get(bytes.buffer);
    if (block === undefined) return;
    block.held -= bytes.length;
    this.release(block);
  }

  private release(block: Block): void {
    // A read into the current one is under way: its place must not move.
    if (block.held > 0 || block === this.current) return;
    this.blocks.delete(block.memory.buffer);
    if (block.memory.length === this.size && this.free.length < FREE_MAX) this.free.push(block.memory);
  }
}
