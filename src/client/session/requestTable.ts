import type { Clock } from '../../base/clock';
import type { ListenerErrors } from '../../base/emitter';
import { NO_NODE, type Unique } from '../../protocol/brand';
import { ErrnoError } from '../../protocol/errno';
import { UNIQUE_INTERRUPT, UNIQUE_RESEND } from '../../protocol/fuse';
import { ProgressOut } from '../../protocol/livemount';
import { encodeRequest, type ReplyHeader } from '../../protocol/message';
import { type OpName, ops } from '../../protocol/opcodes';
import type { Progress } from '../vfs';
import { onAbort } from './aborts';
import type { Channel } from './channel';
import { Countdown } from './countdown';
import { FIRST_UNIQUE } from './handshake';
import { DATA_DEADLINE_MS, type RequestOptions } from './options';
import { BULK_BYTES, Priority } from './sendQueue';
import { Slots } from './slots';
import { type Leftovers, leftoversOf, leftoversOfCompound } from './unclaimedReplies';

/** Requests in flight at most: the agent remembers the last 512 replies, so a repeat always finds its own. */
const IN_FLIGHT_MAX = 256;
/** What the agent may take for one request of little work, in ms. */
const DEADLINE_MS = 10_000;
/** How long a request that changes nothing waits for a link that is down, in ms. */
const OFFLINE_PATIENCE_MS = 10_000;

/** A request to be made. */
export interface Exchange {
  readonly op: OpName;
  /** Of a COMPOUND: what it is made of. */
  readonly parts: readonly OpName[] | undefined;
  /** It changes the host: when the agent is lost, nobody knows whether it took effect. */
  readonly changes: boolean;
  readonly encode: (unique: Unique) => Buffer;
  readonly options: RequestOptions;
}

/** A request without a reply yet. It survives its channel: after a reconnect it is sent again. */
interface Pending extends Pick<Exchange, 'op' | 'parts' | 'changes'> {
  readonly unique: Unique;
  readonly frame: Buffer;
  readonly priority: Priority;
  /** It waits for the link as long as it takes. */
  readonly patient: boolean;
  /** How long the agent may take once it has it, in ms. */
  readonly deadlineMs: number;
  readonly progress: Progress | undefined;
  resolve(body: Buffer): void;
  reject(error: Error): void;
  /** The channel that carries it; undefined while it waits for one. */
  channel: Channel | undefined;
  /** It may have reached the agent: sent again, it says so (FUSE_UNIQUE_RESEND). */
  sent: boolean;
  /** Nobody waits for it any more: what its reply holds is given back. */
  abandoned: boolean;
  timer: Countdown | undefined;
}

/** What the table needs of its session. */
export interface TableOptions {
  readonly clock: Clock;
  /** What the agent may take for one request of little work, in ms. */
  readonly deadlineMs?: number | undefined;
  /** What carries the link; for people. */
  readonly rung: string;
  readonly listenerFailed: ListenerErrors;
  /** Takes what a reply nobody waited for held. */
  leftovers(leftovers: Leftovers): void;
  /** A channel turned out to be closed when something was to be sent over it. */
  closed(channel: Channel): void;
}

/**
 * The requests of a session and what becomes of each: exactly one answer for whoever asked, be it the host's, a deadline, a
 * cancellation, or that the link or the agent was lost. It knows channels only as what carries a frame.
 */
export class RequestTable {
  private readonly pending = new Map<bigint, Pending>();
  private readonly inFlight = new Slots(IN_FLIGHT_MAX);
  private next: bigint = FIRST_UNIQUE;
  private primary: Channel | undefined;

  constructor(private readonly options: TableOptions) {}

  /** Requests that have no reply. */
  get size(): number {
    return this.pending.size;
  }

  /** A unique that no other request of the session has. */
  unique(): Unique {
    const unique = this.next;
    this.next += 2n;
    return unique as Unique;
  }

  /** Makes a request; resolves with the body of its reply. Rejects with ErrnoError: the host's, or the link's. */
  async exchange({ op, parts, changes, encode, options }: Exchange): Promise<Buffer> {
    const { signal } = options;
    const bounded = !ops[op].repeatable;
    if (bounded) await this.inFlight.enter(signal);
    else if (signal?.aborted) throw new ErrnoError('ECANCELED');
    return new Promise<Buffer>((resolve, reject) => {
      const unique = this.unique();
      const frame = encode(unique);
      const aborts = signal && onAbort(signal, () => this.abort(pending));
      const done = () => {
        aborts?.dispose();
        if (bounded) this.inFlight.leave();
      };
      const pending: Pending = {
        unique,
        op,
        parts,
        frame,
        priority: options.priority ?? (frame.length >= BULK_BYTES ? Priority.BULK : Priority.NORMAL),
        changes,
        patient: changes || (options.patient ?? false),
        deadlineMs:
          options.deadlineMs ?? (changes ? DATA_DEADLINE_MS : (this.options.deadlineMs ?? DEADLINE_MS)),
        progress: options.progress,
        resolve: (body) => {
          done();
          resolve(body);
        },
        reject: (error) => {
          done();
          reject(error);
        },
        channel: undefined,
        sent: false,
        abandoned: false,
        timer: undefined,
      };
      this.pending.set(unique, pending);
      const channel = options.channel?.isOpen ? options.channel : this.primary;
      if (channel !== undefined) this.send(pending, channel);
      else this.awaitLink(pending);
    });
  }

  /** From now on this channel carries what asks for no other. */
  carriedBy(channel: Channel): void {
    this.primary = channel;
  }

  /** Sends what no open channel carries. */
  resend(): void {
    const { primary } = this;
    if (primary === undefined) return;
    for (const pending of this.pending.values()) {
      if (pending.channel === undefined || !pending.channel.isOpen) this.send(pending, primary);
    }
  }

  /** A channel is gone: what it carried goes over the main one at once, or waits for the next. */
  dropped(channel: Channel): void {
    if (this.primary === channel) this.primary = undefined;
    for (const pending of this.pending.values()) {
      if (pending.channel !== channel) continue;
      if (this.primary !== undefined) this.send(pending, this.primary);
      else this.awaitLink(pending);
    }
  }

  /** The agent that had the requests is gone. */
  lose(why: string): void {
    // First who waits for a slot: whoever is settled makes room for one.
    this.inFlight.dismiss(new ErrnoError('ESTALE', why));
    for (const pending of [...this.pending.values()])
      this.settle(pending, () => pending.reject(lostWithAgent(pending, why)));
  }

  /** The session is over. */
  end(error: Error): void {
    this.primary = undefined;
    for (const pending of [...this.pending.values()]) this.settle(pending, () => pending.reject(error));
  }

  /** A reply came, over whatever channel. */
  answered({ unique, error, body }: ReplyHeader): void {
    const pending = this.pending.get(unique & ~UNIQUE_RESEND);
    // An INTERRUPT answered, or a request that was answered on a channel since given up.
    if (pending === undefined) return;
    if (pending.abandoned && error === 0) this.giveBack(pending, body);
    this.settle(pending, () => {
      if (error !== 0) pending.reject(new ErrnoError(-error, pending.op));
      else pending.resolve(body);
    });
  }

  /** A PROGRESS notification: the host is at work on a request. */
  progressed(body: Buffer): void {
    const { unique, done, total } = ProgressOut.decode(body);
    const pending = this.pending.get(unique & ~UNIQUE_RESEND);
    if (pending === undefined || pending.abandoned) return;
    pending.timer?.restart();
    try {
      pending.progress?.(Number(done), Number(total));
    } catch (error) {
      this.options.listenerFailed(error);
    }
  }

  private send(pending: Pending, channel: Channel): void {
    disarm(pending);
    pending.channel = channel;
    const taken = channel.send(frameOf(pending), pending.priority, () => {
      pending.sent = true;
      if (!this.pending.has(pending.unique) || pending.channel !== channel) return;
      this.arm(pending, pending.deadlineMs, () => this.overdue(pending));
    });
    if (!taken) this.options.closed(channel);
  }

  /** Without a link: what changes the host waits, the rest has little patience. */
  private awaitLink(pending: Pending): void {
    disarm(pending);
    pending.channel = undefined;
    if (pending.patient) return;
    const { rung } = this.options;
    const giveUp = () => this.abandon(pending, new ErrnoError('ENOTCONN', `${rung}: the link is down`));
    this.arm(pending, OFFLINE_PATIENCE_MS, giveUp);
  }

  private arm(pending: Pending, ms: number, expired: () => void): void {
    pending.timer = new Countdown(ms, expired, this.options.clock);
  }

  private overdue(pending: Pending): void {
    this.interrupt(pending);
    this.abandon(
      pending,
      new ErrnoError('ETIMEDOUT', `${pending.op} had no answer in ${pending.deadlineMs} ms`),
    );
  }

  private abort(pending: Pending): void {
    const canceled = new ErrnoError('ECANCELED');
    const withdrawn = !pending.sent && (pending.channel?.withdraw(pending.frame) ?? true);
    if (withdrawn) {
      this.settle(pending, () => pending.reject(canceled));
      return;
    }
    this.interrupt(pending);
    if (!pending.changes) this.abandon(pending, canceled);
    // What may have changed the host is waited for: the host says EINTR, or that it was too late.
    else if (pending.channel === undefined)
      this.abandon(
        pending,
        new ErrnoError('ECONNABORTED', `the link is down: it is not known whether ${pending.op} took effect`),
      );
  }

  private interrupt({ unique, channel }: Pending): void {
    const own = (unique | UNIQUE_INTERRUPT) as Unique;
    channel?.send(encodeRequest('INTERRUPT', own, NO_NODE, { unique }), Priority.URGENT);
  }

  /** The caller gets its error now; the reply, when it comes, is only looked at for what must be given back. */
  private abandon(pending: Pending, error: Error): void {
    disarm(pending);
    if (pending.abandoned) return;
    pending.abandoned = true;
    pending.reject(error);
    if (pending.channel === undefined && !pending.sent) this.pending.delete(pending.unique);
  }

  private settle(pending: Pending, conclude: () => void): void {
    disarm(pending);
    this.pending.delete(pending.unique);
    if (!pending.abandoned) conclude();
  }

  private giveBack({ op, parts }: Pending, body: Buffer): void {
    try {
      this.options.leftovers(parts === undefined ? leftoversOf(op, body) : leftoversOfCompound(parts, body));
    } catch (error) {
      // A bad reply that nobody waits for gives nothing back.
      if (!(error instanceof ErrnoError)) throw error;
    }
  }
}

/** What to send of it: a repeat says that it is one. */
function frameOf({ frame, sent, unique }: Pending): Buffer {
  if (!sent) return frame;
  const repeat = Buffer.from(frame);
  repeat.writeBigUInt64LE(unique | UNIQUE_RESEND, 8);
  return repeat;
}

/** Ends a pending request's deadline. */
function disarm(pending: Pending): void {
  pending.timer?.dispose();
  pending.timer = undefined;
}

/** What to say of a request whose agent is gone, and why it is. What changes the host has an unknown outcome, the rest is asked anew. */
function lostWithAgent({ op, changes, sent }: Pending, why: string): ErrnoError {
  // Not even what was never sent is: the nodeids and handles in it would be somebody else's.
  if (!changes || !sent) return new ErrnoError('ESTALE', why);
  return new ErrnoError('ECONNABORTED', `${why}: it is not known whether ${op} took effect`);
}
