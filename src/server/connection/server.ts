import type { Duplex, Readable, Writable } from 'node:stream';
import type { Disposable } from '../../base/dispose';
import { ErrnoError, errnoOf } from '../../protocol/errno';
import { encodeReplyFrame, FrameError } from '../../protocol/frame';
import type { InHeader } from '../../protocol/fuse';
import { ALL_FEATURES, Feature, MAX_GRACE_S, RESUME_ATTACH, ResumeStatus } from '../../protocol/livemount';
import { decodeHeader, decodeRequest, encodeReplyBody, NEWEST, type Request } from '../../protocol/message';
import { ops } from '../../protocol/opcodes';
import { decodeCursors, NO_CURSORS } from '../../protocol/resume';
import { FrameChannel } from './channel';
import type { Agreement } from './handler';
import { negotiate } from './negotiate';
import { Session, type SessionEnvironment } from './session';

export interface ServerOptions extends Omit<SessionEnvironment, 'log'> {
  readonly log: (message: string) => void;
  /** This run of the agent, and this boot of the host: 16 bytes each. */
  readonly instance: Buffer;
  readonly boot: Buffer;
  /** 16 bytes nobody can guess. */
  readonly random: () => Buffer;
  /** Seconds a session is kept without a channel where the client names none; at most MAX_GRACE_S. */
  readonly defaultGrace: number;
}

interface Kept {
  readonly session: Session;
  readonly id: Buffer;
  readonly token: Buffer;
  readonly grace: number;
  /** The channels that reach it. */
  readonly channels: Set<FrameChannel>;
  expiry: NodeJS.Timeout | undefined;
}

/** The FUSE server: sessions, and the channels that reach them. One serves all clients of a host. */
export class Server implements Disposable {
  private readonly kept = new Map<string, Kept>();
  private readonly channels = new Set<FrameChannel>();

  constructor(private readonly options: ServerOptions) {}

  /** Sessions that are there, with or without a channel. */
  get sessions(): number {
    return this.kept.size + this.plain;
  }
  private plain = 0;

  /**
   * Serves one byte stream until it ends; resolves with the reason when it ended badly. `lent`: the input uses the
   * memory of its chunks again.
   */
  accept(stream: Duplex): Promise<Error | undefined>;
  accept(input: Readable, output: Writable, lent?: boolean): Promise<Error | undefined>;
  accept(input: Readable, output?: Writable, lent = false): Promise<Error | undefined> {
    return new Promise((resolve) => {
      const ended = (error: Error | undefined) => {
        this.channels.delete(link.channel);
        resolve(error);
      };
      const link = new ServerLink(input, output ?? (input as Duplex), this, ended, lent);
      this.channels.add(link.channel);
    });
  }

  /** @internal */
  createSession(agreement: Agreement): Session {
    this.plain++;
    return new Session(agreement, this.options);
  }

  /** @internal A session that never asked to be kept ends with its channel. */
  endSession(session: Session): void {
    this.plain--;
    session.dispose();
  }

  /** @internal Answers RESUME: finds the session, or keeps the one just made. */
  resume(request: Request<'RESUME'>, fresh: Session): { kept: Kept; status: number } {
    const { session: id, token, grace } = request.in;
    const known = this.kept.get(id.toString('hex'));
    if (known?.token.equals(token)) return { kept: known, status: ResumeStatus.RESUMED };
    this.plain--;
    const kept: Kept = {
      session: fresh,
      id: this.options.random(),
      token: this.options.random(),
      grace: Math.min(grace === 0 ? this.options.defaultGrace : grace, MAX_GRACE_S),
      channels: new Set(),
      expiry: undefined,
    };
    this.kept.set(kept.id.toString('hex'), kept);
    return { kept, status: id.every((byte) => byte === 0) ? ResumeStatus.NEW : ResumeStatus.GONE };
  }

  /**
   * @internal A channel takes the session over, and those before it end: what still comes out of them, be it much later
   * out of a link that had stalled, was sent again on this one.
   */
  adopt(kept: Kept, channel: FrameChannel): void {
    for (const earlier of [...kept.channels]) earlier.sever();
    clearTimeout(kept.expiry);
    kept.channels.add(channel);
  }

  /** @internal A further channel carries requests of the session. */
  join(kept: Kept, channel: FrameChannel): void {
    kept.channels.add(channel);
  }

  /** @internal A channel of the session is gone; without the one that speaks for it, it stays for its grace time. */
  leave(kept: Kept, channel: FrameChannel): void {
    kept.channels.delete(channel);
    if (kept.session.attached || !this.kept.has(kept.id.toString('hex'))) return;
    clearTimeout(kept.expiry);
    const expire = () => {
      kept.session.endProcesses();
      this.expire(kept);
    };
    kept.expiry = setTimeout(expire, kept.grace * 1000).unref();
  }

  /** @internal DESTROY: the client will not come back. */
  expire(kept: Kept): void {
    clearTimeout(kept.expiry);
    this.kept.delete(kept.id.toString('hex'));
    for (const channel of [...kept.channels]) channel.sever();
    kept.session.dispose();
  }

  /** @internal */
  identity(): Pick<ServerOptions, 'instance' | 'boot' | 'log'> {
    return this.options;
  }

  /** @internal What clients may agree on. */
  get features(): number {
    return this.options.processes === undefined ? ALL_FEATURES & ~Feature.PROCESS : ALL_FEATURES;
  }

  /** @internal */
  seq(): bigint {
    return this.options.watches?.seq ?? 0n;
  }

  dispose(): void {
    for (const channel of this.channels) channel.dispose();
    for (const kept of [...this.kept.values()]) this.expire(kept);
  }
}

/** One channel: INIT first, then (for our own clients) RESUME, then whatever the session takes. */
class ServerLink {
  readonly channel: FrameChannel;
  private session: Session | undefined;
  private kept: Kept | undefined;
  private agreement: Agreement | undefined;
  /** Carries requests of a session whose notifications go elsewhere. */
  private attachedOnly = false;

  constructor(
    input: Readable,
    output: Writable,
    private readonly server: Server,
    private readonly ended: (error: Error | undefined) => void,
    lent: boolean,
  ) {
    const events = {
      frame: (frame: Buffer) => this.receive(frame),
      drained: () => this.session?.drained(this.channel),
      writable: () => this.session?.writable(this.channel),
      closed: (error: Error | undefined) => this.closed(error),
    };
    this.channel = new FrameChannel(input, output, events, lent);
  }

  private receive(frame: Buffer): boolean {
    const header = decodeHeader(frame);
    try {
      return this.dispatch(frame, header);
    } catch (error) {
      // A body that is not of its operation's form is that request's failure, not the server's.
      if (!(error instanceof ErrnoError)) throw error;
      this.channel.send(encodeReplyFrame(header.unique, -error.errno));
      return false;
    }
  }

  private dispatch(frame: Buffer, header: InHeader): boolean {
    if (this.agreement === undefined) {
      this.init(frame);
      return false;
    }
    if (header.opcode === INIT) throw new ErrnoError('EINVAL', 'the connection was agreed on before');
    if (header.opcode === RESUME && this.agreement.features & Feature.RESUME && this.kept === undefined) {
      this.resume(frame);
      return false;
    }
    if (this.session === undefined) {
      this.session = this.server.createSession(this.agreement);
      this.session.attach(this.channel, NO_CURSORS);
    }
    if (header.opcode === DESTROY) this.leaving = true;
    return this.session.receive(this.channel, frame);
  }
  private leaving = false;

  private init(frame: Buffer): void {
    const header = decodeHeader(frame);
    const request = header.opcode === INIT ? decodeRequest(frame, header, NEWEST) : undefined;
    if (request === undefined) throw new FrameError('the first request is not INIT');
    try {
      const { reply, agreement } = negotiate((request as Request<'INIT'>).in, this.server.features);
      const dialect = agreement?.dialect ?? NEWEST;
      this.channel.send(encodeReplyFrame(header.unique, 0, encodeReplyBody('INIT', reply, dialect)));
      if (agreement === undefined) return;
      this.agreement = agreement;
      this.channel.setMaxFrame(agreement.maxFrame);
    } catch (error) {
      this.channel.send(encodeReplyFrame(header.unique, -errnoOf(error)));
    }
  }

  private resume(frame: Buffer): void {
    const header = decodeHeader(frame);
    const request = decodeRequest(frame, header, NEWEST) as Request<'RESUME'>;
    const cursors = decodeCursors(request.in, request.data);
    const agreement = this.agreement as Agreement;
    const fresh = this.session ?? this.server.createSession(agreement);
    const { kept, status } = this.server.resume(request, fresh);
    if (kept.session !== fresh) this.server.endSession(fresh);
    this.kept = kept;
    this.session = kept.session;
    this.attachedOnly = (request.in.flags & RESUME_ATTACH) !== 0 && status === ResumeStatus.RESUMED;
    const { instance, boot } = this.server.identity();
    const value = {
      session: kept.id,
      token: kept.token,
      instance,
      boot,
      seq: this.server.seq(),
      status,
      grace: kept.grace,
    };
    this.channel.send(encodeReplyFrame(header.unique, 0, encodeReplyBody('RESUME', value, NEWEST)));
    if (this.attachedOnly) {
      this.server.join(kept, this.channel);
      return;
    }
    this.server.adopt(kept, this.channel);
    this.session.attach(this.channel, status === ResumeStatus.RESUMED ? cursors : NO_CURSORS);
  }

  private closed(error: Error | undefined): void {
    const { session, kept } = this;
    if (kept !== undefined) {
      kept.session.detach(this.channel);
      this.server.leave(kept, this.channel);
      if (this.leaving) this.server.expire(kept);
    } else if (session !== undefined) {
      this.server.endSession(session);
    }
    this.ended(error);
  }
}

const INIT = ops.INIT.code;
const DESTROY = ops.DESTROY.code;
const RESUME = ops.RESUME.code;
