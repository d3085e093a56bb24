import { ROOT_ID, type NodeId, NO_FH, NO_NODE, type SuperblockId, type Unique } from '../../protocol/brand';
import type { Disposable } from '../../base/dispose';
import { messageOf } from '../../base/errors';
import { ErrnoError } from '../../protocol/errno';
import { FrameError } from '../../protocol/frame';
import { ALL_FEATURES, ResumeStatus } from '../../protocol/livemount';
import { decodeReplyBody, encodeRequest, type ReplyHeader } from '../../protocol/message';
import { NO_CURSORS } from '../../protocol/resume';
import { changesHost, type InOf, Notify, type OpName, type OutOf } from '../../protocol/opcodes';
import type { Channel } from './channel';
import { type CompoundRequest, CompoundResult } from './compoundRequest';
import { type Attached, handshakeFrames, NO_SESSION, type Resumed, shakeHands, whatEnded } from './handshake';
import { Keepalive } from './keepalive';
import { RecentRequests } from './recentRequests';
import type { Link } from './link';
import { type Exchange, RequestTable } from './requestTable';
import { ReconnectSchedule } from './reconnect';
import { Priority } from './sendQueue';
import { SmoothedTime } from './smoothedTime';
import type { RequestOptions, SessionListener, SessionOptions } from './options';
import type { LinkState } from '../vfs';

/**
 * The client's end of a session: requests and their replies over whatever channel there is. A drop ends the channel,
 * not the session: it is resumed, and what has no reply is sent again with FUSE_UNIQUE_RESEND, which the agent's
 * reply cache answers, so that each request takes effect exactly once.
 */
export class Session implements Disposable {
  private readonly table: RequestTable;
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
  /** By the clock of the schedule. */
  private nextAttemptAt: number | undefined;
  readonly roundTrip = new SmoothedTime();
  /** The last times that somebody asked for something and waits for it, by this.options.clock.now(). */
  readonly asked = new RecentRequests();

  constructor(
    private readonly link: Link,
    private readonly listener: SessionListener,
    private readonly options: SessionOptions,
  ) {
    const { clock, listenerFailed, deadlineMs } = options;
    this.table = new RequestTable({
      clock,
      listenerFailed,
      deadlineMs,
      rung: link.rung,
      leftovers: (leftovers) => listener.leftovers(leftovers),
      closed: (channel) => this.dropped(channel, new ErrnoError('ECONNRESET', 'the channel is closed')),
    });
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
    const reconnecting = {
      attempt: () => {
        this.nextAttemptAt = undefined;
        return this.attach(this.life.signal);
      },
      scheduled: (at: number) => {
        this.nextAttemptAt = at;
      },
      isTransient: (error: unknown) => {
        failed(error);
        return this.link.isTransient?.(error) ?? true;
      },
      stopped: failed,
    };
    this.schedule = new ReconnectSchedule(reconnecting, clock);
  }

  /** Bytes heard over all channels that are open. */
  private get received(): number {
    return [this.primary, ...this.stripes].reduce((sum, channel) => sum + (channel?.received ?? 0), 0);
  }

  get state(): LinkState {
    return this.current;
  }

  /** Milliseconds until it is tried to connect again; undefined: that is going on, or nothing is planned. */
  get retryInMs(): number | undefined {
    if (this.current !== 'reconnecting' || this.nextAttemptAt === undefined) return undefined;
    return Math.max(0, this.nextAttemptAt - this.options.clock.now());
  }

  /** Requests that have no reply. */
  get unanswered(): number {
    return this.table.size;
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
    const body = await this.exchange({ op, parts: undefined, changes: changesHost(op), encode, options });
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
    const { ops, changes } = compound;
    const body = await this.exchange({ op: 'COMPOUND', parts: ops, changes, encode, options });
    return new CompoundResult(body, ops);
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
    return this.primary.send(
      encodeRequest(op, this.table.unique(), nodeid, fixed, [], data),
      Priority.NORMAL,
    );
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
    this.table.end(new ErrnoError('ENOTCONN', 'the connection was closed'));
    this.link.dispose();
  }

  private exchange(exchange: Exchange): Promise<Buffer> {
    if (this.current === 'closed') throw new ErrnoError('ENOTCONN', 'the connection was closed');
    if (exchange.options.background !== true) {
      this.asked.add(this.options.clock.now());
      this.sent++;
    }
    return this.table.exchange(exchange);
  }

  private reply(channel: Channel, reply: ReplyHeader): void {
    if (reply.unique !== 0n) this.table.answered(reply);
    else if (channel !== this.primary) return;
    else if (reply.error === Notify.PROGRESS) this.table.progressed(reply.body);
    else this.listener.notification(reply.error, reply.body);
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
      clock: this.options.clock,
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
    this.table.carriedBy(channel);
    this.keepalive.watch(channel);
    if (lost !== '') this.table.lose(lost);
    this.listener.attached(resumed, fresh);
    this.enter('connected', lost);
    // The agent has ended them, and a link that stalls may not say so: what they carry is sent again.
    for (const stripe of [...this.stripes])
      stripe.close(new ErrnoError('ECONNRESET', 'another link took over'));
    this.table.resend();
  }

  private dropped(channel: Channel, reason: Error): void {
    this.stripes.delete(channel);
    this.table.dropped(channel);
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
    const started = this.options.clock.now();
    this.request('GETATTR', ROOT_ID, { getattr_flags: 0, fh: NO_FH }, { background: true }).then(
      () => {
        this.roundTrip.add(this.options.clock.now() - started);
        answered();
      },
      () => undefined, // Said by what closes the channel, or by the requests that fail.
    );
  }
}
