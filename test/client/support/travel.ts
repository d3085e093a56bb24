/** A frame that is under way, and when it arrives, in ms. */
interface UnderWay {
  readonly frame: Buffer;
  readonly at: number;
}

/**
 * One direction of a wire on which frames take their time. Frames of one lane keep their order, those of different
 * lanes overtake each other; a frame without a lane keeps its order with all.
 */
export class Travel {
  /** By their arrival. */
  private readonly queue: UnderWay[] = [];
  private readonly lastOf = new Map<string, number>();
  /** The last arrival of a frame without a lane, and of any frame. */
  private lastOfAll = 0;
  private last = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly arrive: (frame: Buffer) => void) {}

  send(frame: Buffer, ms: number, lane: string | undefined): void {
    const soonest = lane === undefined ? this.last : Math.max(this.lastOf.get(lane) ?? 0, this.lastOfAll);
    const at = Math.max(performance.now() + ms, soonest);
    if (lane === undefined) this.lastOfAll = at;
    else this.lastOf.set(lane, at);
    this.last = Math.max(this.last, at);
    let place = this.queue.length;
    while (place > 0 && (this.queue[place - 1] as UnderWay).at > at) place--;
    this.queue.splice(place, 0, { frame, at });
    if (place === 0) this.deliver();
  }

  /** What is under way is lost. */
  stop(): void {
    clearTimeout(this.timer);
    this.queue.length = 0;
  }

  private deliver(): void {
    clearTimeout(this.timer);
    for (let next = this.queue[0]; next !== undefined; next = this.queue[0]) {
      const left = next.at - performance.now();
      if (left > 0) {
        this.timer = setTimeout(() => this.deliver(), left);
        return;
      }
      this.queue.shift();
      this.arrive(next.frame);
    }
  }
}
