import { ROOT_ID, type NodeId, NO_FH, NO_NODE, type SuperblockId, type Unique } from '../../protocol/brand';
import type { Disposable } from '../../base/dispose';
import { messageOf } from '../../base/errors';
import { ErrnoError } from '../../protocol/errno';
import { FrameError } from '../../protocol/frame';
import { UNIQUE_INTERRUPT, UNIQUE_RESEND } from '../../protocol/fuse';
import { ALL_FEATURES, ProgressOut, ResumeStatus } from '../../protocol/livemount';
import { decodeReplyBody, encodeRequest, type ReplyHeader } from '../../protocol/message';
import { NO_CURSORS } from '../../protocol/resume';
import { changesHost, type InOf, Notify, type OpName, type OutOf, ops } from '../../protocol/opcodes';
import { onAbort } from './aborts';
import type { Channel } from './channel';
import { type CompoundRequest, CompoundResult } from './compoundRequest';
import { Countdown } from './countdown';
import { FIRST_UNIQUE, handshakeFrames, NO_SESSION, type Resumed, whatEnded } from './handshake';
import { leftoversOf, leftoversOfCompound } from './unclaimedReplies';
import { Keepalive } from './keepalive';
import { LastTimes } from './recentRequests';
import type { Link } from './link';
import { disarm, frameOf, lostWithAgent, type Pending } from './pending';
import { ReconnectSchedule } from './reconnect';
import { SmoothedTime } from './smoothedTime';
import { BULK_BYTES, Lane } from './sendQueue';
import { type Attached, shakeHands } from './shakeHands';
import type { RequestOptions, SessionListener, SessionOptions } from './options';
import { Slots } from './slots';
import type { LinkState } from '../vfs';

/** Requests in flight at most: the agent remembers the last 512 replies, so a repeat always finds its own. */
const IN_FLIGHT_MAX = 256;
/** What the agent may take for one request of little work, in ms. */
export const DEADLINE_MS = 10_000;
/** ... that moves data or flushes. */
export const DATA_DEADLINE_MS = 60_000;
/** How long a request that changes nothing waits for a link that is down, in ms. */
const OFFLINE_PATIENCE_MS = 10_000;

/**
 * The client's end of a session: requests and their replies over whatever channel there is. A drop ends the channel,
 * not the session: it is resumed, and what has no reply is sent again with FUSE_UNIQUE_RESEND, which the agent's
 * reply cache answers, so that each request takes effect exactly once.
 */
export class Session implements Disposable {
  private readonly pending = new Map<bigint, Pending>();
  private readonly inFlight = new Slots(IN_FLIGHT_MAX);
  private next: bigint = FIRST_UNIQUE;
  private ticket = NO_SESSION;
  private primary: Channel | undefined;
  /** Further channels, which end with the one that speaks for the session. */
  private readonly stripes = new Set<Channel>();
  private current: LinkState = 'connecting';
  /** Requests that were asked of the agent so far, each COMPOUND as one. */
  sent = 0;
  private readonly life = new AbortController();
  private readonly schedule: ReconnectSchedule;
  private readonly keepalive: Keepalive;
  private leaving = false;
  /** By superblock, the last event that was taken in: the agent tells again what came after it. */
  private readonly cursors = new Map<SuperblockId, bigint>();
  readonly roundTrip = new SmoothedTime();
  /** The last times that somebody asked for something and waits for it, by performance.now(). */
  readonly asked = new LastTimes();

  constructor(
    private readonly link: Link,
    private readonly listener: SessionListener,
    private readonly options: SessionOptions,
  ) {
    const quietness = {
      received: () => this.received,
      probe: (answered: () => void) => this.probe(answered),
      woke: () => this.schedule.hurry(),
      died: () => this.link.abandon?.(),
    };
    this.keepalive = new Keepalive(quietness, options.keepaliveMs);
    const failed = (error: unknown) => {
      if (!this.life.signal.aborted) this.enter('reconnecting', messageOf(error));
    };
    this.schedule = new ReconnectSchedule({
      attempt: () => this.attach(this.life.signal),
      isTransient: (error) => {
        failed(error);
        return this.link.isTransient?.(error) ?? true;
      },
      stopped: failed,
    });
  }

  /** Bytes heard over all channels that are open. */
  private get received(): number {
    return [this.primary, ...this.stripes].reduce((sum, channel) => sum + (channel?.received ?? 0), 0);
  }

  private get deadlineMs(): number {
    return this.options.deadlineMs ?? DEADLINE_MS;
  }

  get state(): LinkState {
    return this.current;
  }

  /** Requests that have no reply. */
  get unanswered(): number {
    return this.pending.size;
  }

  /** Makes the first connection; a failure is the caller's. Later drops are repaired without being asked. */
  async connect(signal?: AbortSignal): Promise<void> {
    try {
      await this.attach(signal ? AbortSignal.any([signal, this.life.signal]) : this.life.signal);
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  /** Tries at once instead of waiting for the next attempt. */
  reconnect(): void {
    if (this.current === 'reconnecting') this.schedule.requestNow();
  }

  /** Sends one request; resolves with its verified reply. Rejects with ErrnoError: the host's, or the link's. */
  async request<K extends OpName>(
    op: K,
    nodeid: NodeId,
    fixed: InOf<K>,
    options: RequestOptions = {},
  ): Promise<OutOf<K>> {
    const encode = (unique: Unique) => encodeRequest(op, unique, nodeid, fixed, options.names, options.data);
    const body = await this.exchange(op, undefined, changesHost(op), encode, options);
    return decodeReplyBody(op, body);
  }

  /** Sends several requests in one frame: one round trip, whatever they are. */
  async compound(compound: CompoundRequest, options: RequestOptions = {}): Promise<CompoundResult> {
    const encode = (unique: Unique) =>
      encodeRequest(
        'COMPOUND',
        unique,
        ROOT_ID,
        { count: compound.size, flags: 0 },
        [],
        compound.encode(unique),
      );
    const body = await this.exchange('COMPOUND', compound.ops, compound.changes, encode, options);
    return new CompoundResult(body, compound.ops);
  }

  /** A superblock's events from `seq` on are told; undefined: no more. */
  subscribed(sb: SuperblockId, seq: bigint | undefined): void {
    if (seq === undefined) this.cursors.delete(sb);
    else if (!this.cursors.has(sb)) this.cursors.set(sb, seq);
  }

  /** The events of a superblock up to `seq` were taken in. */
  caughtUp(sb: SuperblockId, seq: bigint): void {
    if (seq > (this.cursors.get(sb) ?? -1n)) this.cursors.set(sb, seq);
  }

  /** Sends a request that has no reply (FORGET, BATCH_FORGET). Lost with the link: the count is the session's, not the channel's. */
  post<K extends OpName>(op: K, nodeid: NodeId, fixed: InOf<K>, data?: Buffer): boolean {
    if (this.primary === undefined) return false;
    return this.primary.send(encodeRequest(op, this.unique(), nodeid, fixed, [], data), Lane.NORMAL);
  }

  /** A further channel to the same session, for bulk data. It takes requests and carries no notifications. */
  async openStripe(signal: AbortSignal): Promise<Channel> {
    const { channel, resumed } = await this.openChannel(signal, true);
    if (resumed.status === ResumeStatus.RESUMED) return channel;
    channel.dispose();
    throw new ErrnoError('ENOTCONN', 'a further channel reaches another agent');
  }

  /** Tells the agent that nobody will come back, and ends the link. */
  async destroy(): Promise<void> {
    this.leaving = true;
    if (this.current === 'connected') {
      await this.request('DESTROY', NO_NODE, undefined, { deadlineMs: 1000 }).catch(() => undefined);
    }
    this.dispose();
  }

  dispose(): void {
    if (this.life.signal.aborted) return;
    this.life.abort(new ErrnoError('ECANCELED', 'the connection was closed'));
    this.keepalive.dispose();
    this.schedule.dispose();
    this.primary?.dispose();
    this.primary = undefined;
    this.enter('closed', 'closed');
    for (const pending of [...this.pending.values()]) {
      this.settle(pending, () => pending.reject(new ErrnoError('ENOTCONN', 'the connection was closed')));
    }
    this.link.dispose();
  }

  private unique(): Unique {
    const unique = this.next;
    this.next += 2n;
    return unique as Unique;
  }

  private async exchange(
    op: OpName,
    parts: readonly OpName[] | undefined,
    changes: boolean,
    encode: (unique: Unique) => Buffer,
    options: RequestOptions,
  ): Promise<Buffer> {
    const { signal } = options;
    if (options.background !== true) this.sent++;
    if (this.current === 'closed') throw new ErrnoError('ENOTCONN', 'the connection was closed');
    if (options.background !== true) this.asked.add(performance.now());
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
        lane: options.lane ?? (frame.length >= BULK_BYTES ? Lane.BULK : Lane.NORMAL),
        changes,
        patient: changes || (options.patient ?? false),
        deadlineMs: options.deadlineMs ?? (changes ? DATA_DEADLINE_MS : this.deadlineMs),
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

  private send(pending: Pending, channel: Channel): void {
    disarm(pending);
    pending.channel = channel;
    const taken = channel.send(frameOf(pending), pending.lane, () => {
      pending.sent = true;
      if (!this.pending.has(pending.unique) || pending.channel !== channel) return;
      pending.timer = new Countdown(pending.deadlineMs, () => this.overdue(pending));
    });
    if (!taken) this.dropped(channel, new ErrnoError('ECONNRESET', 'the channel is closed'));
  }

  /** Without a link: what changes the host waits, the rest has little patience. */
  private awaitLink(pending: Pending): void {
    disarm(pending);
    pending.channel = undefined;
    if (pending.patient) return;
    const giveUp = () =>
      this.abandon(pending, new ErrnoError('ENOTCONN', `${this.link.rung}: the link is down`));
    pending.timer = new Countdown(OFFLINE_PATIENCE_MS, giveUp);
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

  private interrupt(pending: Pending): void {
    const { unique } = pending;
    pending.channel?.send(
      encodeRequest('INTERRUPT', (unique | UNIQUE_INTERRUPT) as Unique, NO_NODE, { unique }),
      Lane.URGENT,
    );
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

  private reply(channel: Channel, reply: ReplyHeader): void {
    if (reply.unique === 0n) {
      if (channel === this.primary) this.notified(reply.error, reply.body);
      return;
    }
    const pending = this.pending.get(reply.unique & ~UNIQUE_RESEND);
    // An INTERRUPT answered, or a request that was answered on a channel since given up.
    if (pending === undefined) return;
    if (pending.abandoned && reply.error === 0) this.giveBack(pending, reply.body);
    this.settle(pending, () => {
      if (reply.error !== 0) pending.reject(new ErrnoError(-reply.error, pending.op));
      else pending.resolve(reply.body);
    });
  }

  private notified(code: number, body: Buffer): void {
    if (code !== Notify.PROGRESS) {
      this.listener.notification(code, body);
      return;
    }
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

  private giveBack(pending: Pending, body: Buffer): void {
    try {
      const { op, parts } = pending;
      this.listener.leftovers(parts === undefined ? leftoversOf(op, body) : leftoversOfCompound(parts, body));
    } catch (error) {
      // A bad reply that nobody waits for gives nothing back.
      if (!(error instanceof ErrnoError)) throw error;
    }
  }

  /** Opens a channel and shakes hands on it: one round trip. */
  private async openChannel(signal: AbortSignal, stripe: boolean): Promise<Attached> {
    return shakeHands(await this.link.openChannel(signal), {
      frames: handshakeFrames(
        this.ticket,
        stripe ? NO_CURSORS : this.cursors,
        stripe,
        this.options.graceS ?? 0,
        ALL_FEATURES | (this.options.features ?? 0),
      ),
      signal,
      agreed: (channel, resumed, ms) => {
        this.roundTrip.add(ms);
        if (stripe) this.join(channel);
        else this.attached(channel, resumed);
      },
      reply: (channel, reply) => this.reply(channel, reply),
      ended: (channel, reason) => this.dropped(channel, reason),
    });
  }

  private async attach(signal: AbortSignal): Promise<void> {
    await this.openChannel(signal, false);
  }

  private join(stripe: Channel): void {
    for (const earlier of this.stripes) if (!earlier.isOpen) this.stripes.delete(earlier);
    this.stripes.add(stripe);
  }

  /** RESUME was answered: from the next frame on the channel speaks for the session. */
  private attached(channel: Channel, resumed: Resumed): void {
    const lost = resumed.status === ResumeStatus.GONE ? whatEnded(this.ticket, resumed) : '';
    const fresh = resumed.status !== ResumeStatus.RESUMED;
    this.ticket = resumed;
    if (fresh) this.cursors.clear();
    this.primary = channel;
    this.keepalive.watch(channel);
    if (lost !== '') this.loseUnanswered(lost);
    this.listener.attached(resumed, fresh);
    this.enter('connected', lost);
    // The agent has ended them, and a link that stalls may not say so: what they carry is sent again.
    for (const stripe of [...this.stripes])
      stripe.close(new ErrnoError('ECONNRESET', 'another link took over'));
    for (const pending of this.pending.values()) {
      if (pending.channel === undefined || !pending.channel.isOpen) this.send(pending, channel);
    }
  }

  /** The agent that had the requests is gone. */
  private loseUnanswered(why: string): void {
    // First who waits for a slot: whoever is settled makes room for one.
    this.inFlight.dismiss(new ErrnoError('ESTALE', why));
    for (const pending of [...this.pending.values()])
      this.settle(pending, () => pending.reject(lostWithAgent(pending, why)));
  }

  private dropped(channel: Channel, reason: Error): void {
    this.stripes.delete(channel);
    for (const pending of this.pending.values()) {
      if (pending.channel !== channel) continue;
      // A stripe's requests go on over the main channel at once.
      if (this.primary !== undefined && this.primary !== channel) this.send(pending, this.primary);
      else this.awaitLink(pending);
    }
    if (channel !== this.primary) return;
    this.primary = undefined;
    if (this.leaving) this.dispose();
    if (this.life.signal.aborted) return;
    this.enter('reconnecting', reason.message);
    // An agent that sends nonsense would do so again at once.
    this.schedule.start(reason instanceof FrameError ? 'refused' : 'lost');
  }

  private enter(state: LinkState, reason: string): void {
    this.current = state;
    this.listener.state(state, reason);
  }

  /** Asks for the smallest thing there is, and takes the time. */
  private probe(answered: () => void): void {
    const started = performance.now();
    this.request('GETATTR', ROOT_ID, { getattr_flags: 0, fh: NO_FH }, { background: true }).then(
      () => {
        this.roundTrip.add(performance.now() - started);
        answered();
      },
      () => undefined, // Said by what closes the channel, or by the requests that fail.
    );
  }
}
