import { backgroundClock, type Clock } from '../../base/clock';
import type { Disposable } from '../../base/dispose';
import { ALL_FEATURES, Feature, MAX_GRACE_S, RESUME_ATTACH, ResumeStatus } from '../../protocol/livemount';
import type { Request } from '../../protocol/message';
import type { OutOf } from '../../protocol/opcodes';
import { type Cursors, NO_CURSORS } from '../../protocol/resume';
import type { FrameChannel } from './channel';
import type { Agreement } from './handler';
import { FuseSession, type SessionEnvironment } from './session';

export interface KeeperOptions extends SessionEnvironment {
  /** This run of the agent, and this boot of the host: 16 bytes each. */
  readonly instance: Buffer;
  readonly boot: Buffer;
  /** 16 bytes nobody can guess. */
  readonly random: () => Buffer;
  /** Seconds a session is kept without a channel where the client names none; at most MAX_GRACE_S. */
  readonly defaultGrace: number;
  /** What grace times are measured by; the process's own unless another one is given. */
  readonly clock?: Clock | undefined;
}

/** What a channel gets for its RESUME. */
export interface Resumed {
  readonly session: KeptSession;
  readonly reply: OutOf<'RESUME'>;
  /** Brings the channel to the session, once the reply is on its way. */
  join(cursors: Cursors): void;
}

/** Where the connections of a server find their sessions. */
export interface Sessions {
  readonly clock: Clock;
  /** Feature bits that clients may agree on. */
  readonly features: number;
  /** A session of a client that did not ask to be kept (yet): `end` takes it back. */
  begin(agreement: Agreement): FuseSession;
  end(session: FuseSession): void;
  /** Finds the session that RESUME names, or keeps `fresh`; what is not needed of the two ends. */
  resume(request: Request<'RESUME'>, fresh: FuseSession, channel: FrameChannel): Resumed;
}

/**
 * A session that its client may come back to. It begins with the first RESUME, has any number of channels, of which one
 * takes its notifications, and ends with DESTROY, or when it was without one for its grace time.
 */
export class KeptSession {
  private readonly channels = new Set<FrameChannel>();
  private expiry: Disposable | undefined;
  private hasEnded = false;
  /** When its last channel went, on the monotonic clock in ms. */
  leftAt = 0;

  constructor(
    readonly session: FuseSession,
    readonly id: Buffer,
    readonly token: Buffer,
    readonly grace: number,
    private readonly clock: Clock,
    private readonly ended: () => void,
  ) {}

  /**
   * A channel takes the session over, and those before it end: what still comes out of them, be it much later out of a
   * link that had stalled, was sent again on this one.
   */
  adopt(channel: FrameChannel): void {
    for (const earlier of [...this.channels]) earlier.sever();
    this.expiry?.dispose();
    this.channels.add(channel);
  }

  /** A further channel carries requests of the session. */
  join(channel: FrameChannel): void {
    this.channels.add(channel);
  }

  /** A channel is gone; without the one that speaks for it, the session stays for its grace time. */
  leave(channel: FrameChannel): void {
    this.session.detach(channel);
    this.channels.delete(channel);
    if (this.session.attached || this.hasEnded) return;
    this.expiry?.dispose();
    this.leftAt = this.clock.now();
    this.expiry = this.clock.after(this.grace * 1000, () => this.abandon());
  }

  /** The client did not come back in time. */
  abandon(): void {
    this.session.endProcesses();
    this.end();
  }

  /** The client will not come back. */
  end(): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.expiry?.dispose();
    this.ended();
    for (const channel of [...this.channels]) channel.sever();
    this.session.dispose();
  }
}

/**
 * Sessions kept at a time: a window has one, and one more for each time it was started anew within the grace time. The
 * one that has been away longest makes room.
 */
export const SESSIONS_MAX = 256;

/** Keeps the sessions of a server: those of clients that may come back, and those that end with their channel. */
export class SessionKeeper implements Sessions, Disposable {
  private readonly kept = new Map<string, KeptSession>();
  private plain = 0;

  readonly clock: Clock;

  constructor(private readonly options: KeeperOptions) {
    this.clock = options.clock ?? backgroundClock;
  }

  /** Sessions that are there, with or without a channel. */
  get size(): number {
    return this.kept.size + this.plain;
  }

  get features(): number {
    const { processes, handlers } = this.options;
    const missing =
      (processes === undefined ? Feature.PROCESS : 0) | (handlers.SEARCH === undefined ? Feature.FIND : 0);
    return ALL_FEATURES & ~missing;
  }

  begin(agreement: Agreement): FuseSession {
    this.plain++;
    return new FuseSession(agreement, this.options);
  }

  end(session: FuseSession): void {
    this.plain--;
    session.dispose();
  }

  resume(request: Request<'RESUME'>, fresh: FuseSession, channel: FrameChannel): Resumed {
    const { session: id, token, flags } = request.in;
    const known = this.kept.get(id.toString('hex'));
    const isKnown = known?.token.equals(token) === true;
    const session = isKnown ? known : this.keep(fresh, request.in.grace);
    if (isKnown) this.end(fresh);
    const isNew = id.every((byte) => byte === 0);
    const status = isKnown ? ResumeStatus.RESUMED : isNew ? ResumeStatus.NEW : ResumeStatus.GONE;
    const { instance, boot, watches } = this.options;
    return {
      session,
      reply: {
        session: session.id,
        token: session.token,
        instance,
        boot,
        seq: watches?.seq ?? 0n,
        status,
        grace: session.grace,
      },
      join: (cursors) => {
        if (isKnown && flags & RESUME_ATTACH) {
          session.join(channel);
          return;
        }
        session.adopt(channel);
        session.session.attach(channel, isKnown ? cursors : NO_CURSORS);
      },
    };
  }

  private keep(fresh: FuseSession, grace: number): KeptSession {
    this.plain--;
    const { random, defaultGrace } = this.options;
    const id = random();
    const key = id.toString('hex');
    const graceS = Math.min(grace === 0 ? defaultGrace : grace, MAX_GRACE_S);
    const kept = new KeptSession(fresh, id, random(), graceS, this.clock, () => this.kept.delete(key));
    this.kept.set(key, kept);
    if (this.kept.size > SESSIONS_MAX) this.makeRoom(kept);
    return kept;
  }

  private makeRoom(fresh: KeptSession): void {
    const away = [...this.kept.values()].filter((kept) => kept !== fresh && !kept.session.attached);
    away.sort((a, b) => a.leftAt - b.leftAt);
    away[0]?.abandon();
  }

  dispose(): void {
    for (const kept of [...this.kept.values()]) kept.end();
  }
}
