import { FrameReader, MAX_FRAME } from '../../src/protocol/frame';
import type { Direction, Limit } from '../fixtures/proxy';

/**
 * Finds the frames of one direction of a channel from its first byte on, behind the daemon's greeting, and is reached
 * so many bytes behind the end of a frame, counted from 1.
 */
export class FrameCut {
  private readonly frames: FrameReader;
  private greeted: boolean;
  private left: number;
  /** Frames that have passed whole. */
  seen = 0;

  constructor(
    direction: Direction,
    private readonly after = Number.POSITIVE_INFINITY,
    bytesBehind = 0,
  ) {
    this.frames = new FrameReader(direction === 'up' ? 'requests' : 'replies', MAX_FRAME);
    this.greeted = direction === 'up';
    this.left = bytesBehind;
  }

  readonly limit: Limit = (chunk) => {
    let at = 0;
    if (!this.greeted) {
      at = chunk.indexOf('\n') + 1;
      this.greeted = at > 0;
      if (!this.greeted) at = chunk.length;
    }
    for (; at < chunk.length && this.seen < this.after; at++) {
      for (const _frame of this.frames.push(chunk.subarray(at, at + 1))) this.seen++;
    }
    if (this.seen < this.after) return { admitted: chunk.length, reached: false };
    const behind = Math.min(this.left, chunk.length - at);
    this.left -= behind;
    return { admitted: at + behind, reached: this.left === 0 };
  };
}
