import type { Readable } from 'node:stream';

/** A line the host meant for us: `MARKER verb rest`. */
export interface MarkedLine {
  readonly verb: string;
  readonly rest: string;
}

/** How much of what a login script prints is kept, for the error message if nothing of ours follows. */
const NOISE_KEPT = 2000;

/** No line of ours is longer. */
const LINE_LIMIT = 64 << 10;

/**
 * Finds lines that carry a marker in a stream that may say anything before, between and on the same line before
 * them, and leaves all bytes behind the last one read to the stream's next reader.
 */
export class MarkedLines {
  private received = Buffer.alloc(0);
  private noise = '';

  constructor(
    private readonly stream: Readable,
    private readonly marker: string,
  ) {}

  /** What was skipped, its last part at least: the output of login scripts, or of something that is not ours. */
  get skipped(): string {
    return `${this.noise}${this.received.toString('utf8')}`.slice(-NOISE_KEPT).trim();
  }

  /** The next marked line, or nothing when the stream ends first. */
  next(): Promise<MarkedLine | undefined> {
    const { stream } = this;
    return new Promise((resolve) => {
      const settle = (line: MarkedLine | undefined) => {
        stream.off('readable', look).off('end', end).off('close', end).off('error', end);
        resolve(line);
      };
      const end = () => settle(this.take());
      const look = () => {
        for (let chunk: Buffer | null = stream.read(); chunk !== null; chunk = stream.read()) {
          this.received = Buffer.concat([this.received, chunk]);
          const line = this.take();
          if (line === undefined) continue;
          if (this.received.length > 0) stream.unshift(this.received);
          this.received = Buffer.alloc(0);
          settle(line);
          return;
        }
      };
      stream.on('readable', look).on('end', end).on('close', end).on('error', end);
      if (stream.readableEnded || stream.destroyed) end();
    });
  }

  /** Cuts the first complete marked line out of what was received, with everything before it. */
  private take(): MarkedLine | undefined {
    const start = this.received.indexOf(this.marker);
    if (start < 0) {
      // Keep only what may be the beginning of a marker.
      this.skip(Math.max(0, this.received.length - this.marker.length + 1));
      return undefined;
    }
    this.skip(start);
    const end = this.received.indexOf(0x0a);
    if (end < 0) {
      if (this.received.length > LINE_LIMIT) this.skip(this.marker.length);
      return undefined;
    }
    const [, verb = '', rest = ''] =
      /^\s*(\S*)\s?(.*)$/s.exec(this.received.subarray(this.marker.length, end).toString('utf8')) ?? [];
    this.received = this.received.subarray(end + 1);
    return { verb, rest: rest.trimEnd() };
  }

  private skip(bytes: number): void {
    this.noise = `${this.noise}${this.received.subarray(0, bytes).toString('utf8')}`.slice(-NOISE_KEPT);
    this.received = this.received.subarray(bytes);
  }
}
