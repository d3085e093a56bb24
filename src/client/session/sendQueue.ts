/**
 * What leaves first. Forgets, interrupts and small requests never wait behind bulk data: a lane is served only while
 * those before it are empty, so a small request waits for at most the one bulk frame that is being written.
 */
export const Priority = { URGENT: 0, NORMAL: 1, BULK: 2 } as const;
export type Priority = (typeof Priority)[keyof typeof Priority];

/** Frames from this size on are bulk data unless the sender says otherwise: more than an SSH packet or two. */
export const BULK_BYTES = 64 << 10;

interface Queued {
  readonly frame: Buffer;
  readonly sent: (() => void) | undefined;
}

/** Frames that wait for their stream, by lane; first in, first out within a lane. */
export class SendQueue {
  private readonly lanes: [Queued[], Queued[], Queued[]] = [[], [], []];
  private bytes = 0;

  /** Bytes that wait. */
  get waiting(): number {
    return this.bytes;
  }

  push(frame: Buffer, priority: Priority, sent?: () => void): void {
    this.lanes[priority].push({ frame, sent });
    this.bytes += frame.length;
  }

  /** Takes the frame that goes next, or undefined. */
  shift(): Queued | undefined {
    for (const lane of this.lanes) {
      const next = lane.shift();
      if (next === undefined) continue;
      this.bytes -= next.frame.length;
      return next;
    }
    return undefined;
  }

  /** Takes out a frame that was not sent yet; false if it has left. */
  remove(frame: Buffer): boolean {
    for (const lane of this.lanes) {
      const at = lane.findIndex((queued) => queued.frame === frame);
      if (at < 0) continue;
      lane.splice(at, 1);
      this.bytes -= frame.length;
      return true;
    }
    return false;
  }
}
