import { ownBytes } from '../../base/ownBytes';

/** Replies kept at most: twice what a client may have in flight of operations that change something. */
export const REPLY_CACHE_ENTRIES = 512;
/** Bytes of replies kept at most: entries and attributes are small, so this is room for all 512. */
export const REPLY_CACHE_BYTES = 4 << 20;
/**
 * Larger replies are not kept: they carry what was read, and reading again does no harm, while a few of them would
 * push out the small ones that say what was changed.
 */
export const REPLY_CACHE_LARGEST = 64 << 10;

/**
 * Remembers the replies to operations that must not be done twice, so that a request sent again after a reconnect
 * (FUSE_UNIQUE_RESEND) is answered with what it was answered the first time. Oldest go first.
 */
export class ReplyCache {
  private readonly replies = new Map<bigint, Buffer>();
  private bytes = 0;

  get size(): number {
    return this.replies.size;
  }

  get(unique: bigint): Buffer | undefined {
    return this.replies.get(unique);
  }

  /** Keeps a reply frame under the unique of its request (without the RESEND bit). */
  put(unique: bigint, frame: Buffer): void {
    if (frame.length > REPLY_CACHE_LARGEST) return;
    this.replies.set(unique, ownBytes(frame));
    this.bytes += frame.length;
    for (const [oldest, reply] of this.replies) {
      if (this.replies.size <= REPLY_CACHE_ENTRIES && this.bytes <= REPLY_CACHE_BYTES) break;
      this.replies.delete(oldest);
      this.bytes -= reply.length;
    }
  }
}
