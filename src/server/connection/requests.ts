import type { FrameChannel } from './channel';

/** Whether a request is to be given up. Most never are, and a signal costs more than a LOOKUP: it is made when asked for. */
export class Interruption {
  private controller: AbortController | undefined;

  get signal(): AbortSignal {
    this.controller ??= new AbortController();
    return this.controller.signal;
  }

  abort(): void {
    this.controller ??= new AbortController();
    this.controller.abort();
  }
}

/** A request that is being carried out. */
export interface InFlight {
  readonly unique: bigint;
  readonly interruption: Interruption;
  /** Bytes it holds. */
  readonly bytes: number;
  /** Where the reply goes: the channel the request came on, or the one it was sent again on. */
  replyTo: FrameChannel;
  /** The unique to echo: with the RESEND bit if it was sent again. */
  replyUnique: bigint;
}

/** Requests and bytes a client may have under way before its channel is not read any more. */
const MAX_REQUESTS = 1024;
const MAX_BYTES = 64 << 20;

/** The requests of one session that have no reply yet. */
export class RequestTable {
  private readonly requests = new Map<bigint, InFlight>();
  private bytes = 0;
  /** Channels that are not read until there is room. */
  private readonly waiting = new Set<FrameChannel>();

  get(unique: bigint): InFlight | undefined {
    return this.requests.get(unique);
  }

  get size(): number {
    return this.requests.size;
  }

  add(request: InFlight): void {
    this.requests.set(request.unique, request);
    this.bytes += request.bytes;
    if (this.crowded && !this.waiting.has(request.replyTo)) {
      this.waiting.add(request.replyTo);
      request.replyTo.hold();
    }
  }

  remove(request: InFlight): void {
    this.requests.delete(request.unique);
    this.bytes -= request.bytes;
    if (this.crowded || this.waiting.size === 0) return;
    for (const channel of this.waiting) channel.release();
    this.waiting.clear();
  }

  /** Interrupts everything: the client is gone for good. */
  abortAll(): void {
    for (const request of this.requests.values()) request.interruption.abort();
  }

  private get crowded(): boolean {
    return this.requests.size >= MAX_REQUESTS || this.bytes >= MAX_BYTES;
  }
}
