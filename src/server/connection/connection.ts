import type { Readable, Writable } from 'node:stream';
import type { Disposable } from '../../base/dispose';
import { ErrnoError, errnoOf } from '../../protocol/errno';
import { encodeReplyFrame, FrameError } from '../../protocol/frame';
import type { InHeader } from '../../protocol/fuse';
import { Feature } from '../../protocol/livemount';
import { decodeHeader, decodeRequest, encodeReplyBody, NEWEST, type Request } from '../../protocol/message';
import { ops } from '../../protocol/opcodes';
import { decodeCursors, NO_CURSORS } from '../../protocol/resume';
import { FrameChannel } from './channel';
import type { Agreement } from './handler';
import { negotiate } from './negotiate';
import type { FuseSession } from './session';
import type { KeptSession, Sessions } from './sessionKeeper';

/** How long a channel may be open before its client has agreed with us: longer than any link takes for one request. */
const SILENCE_MS = 120_000;

/** One channel's way to a session: INIT first, then (for our own clients) RESUME, then whatever the session takes. */
export class Connection implements Disposable {
  private readonly channel: FrameChannel;
  private session: FuseSession | undefined;
  private kept: KeptSession | undefined;
  private agreement: Agreement | undefined;
  private leaving = false;
  /** A channel whose client says nothing is nobody's: it costs a descriptor that others need. */
  private readonly silence: Disposable;

  /** @param ended is called once, with the reason if the channel ended badly. */
  constructor(
    input: Readable,
    output: Writable,
    private readonly sessions: Sessions,
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
    this.silence = sessions.clock.after(SILENCE_MS, () => this.channel.sever());
  }

  dispose(): void {
    this.channel.dispose();
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
      this.init(frame, header);
      return false;
    }
    if (header.opcode === INIT) throw new ErrnoError('EINVAL', 'the connection was agreed on before');
    if (header.opcode === RESUME && this.agreement.features & Feature.RESUME && this.kept === undefined) {
      this.resume(frame, header, this.agreement);
      return false;
    }
    if (this.session === undefined) {
      this.session = this.sessions.begin(this.agreement);
      this.session.attach(this.channel, NO_CURSORS);
    }
    if (header.opcode === DESTROY) this.leaving = true;
    return this.session.receive(this.channel, frame);
  }

  private init(frame: Buffer, header: InHeader): void {
    const request = header.opcode === INIT ? decodeRequest(frame, header, NEWEST) : undefined;
    if (request === undefined) throw new FrameError('the first request is not INIT');
    try {
      const { reply, agreement } = negotiate((request as Request<'INIT'>).in, this.sessions.features);
      const dialect = agreement?.dialect ?? NEWEST;
      this.channel.send(encodeReplyFrame(header.unique, 0, encodeReplyBody('INIT', reply, dialect)));
      if (agreement === undefined) return;
      this.silence.dispose();
      this.agreement = agreement;
      this.channel.setMaxFrame(agreement.maxFrame);
    } catch (error) {
      this.channel.send(encodeReplyFrame(header.unique, -errnoOf(error)));
    }
  }

  private resume(frame: Buffer, header: InHeader, agreement: Agreement): void {
    const request = decodeRequest(frame, header, NEWEST) as Request<'RESUME'>;
    const cursors = decodeCursors(request.in, request.data);
    const fresh = this.session ?? this.sessions.begin(agreement);
    const { session, reply, join } = this.sessions.resume(request, fresh, this.channel);
    this.kept = session;
    this.session = session.session;
    this.channel.send(encodeReplyFrame(header.unique, 0, encodeReplyBody('RESUME', reply, NEWEST)));
    join(cursors);
  }

  private closed(error: Error | undefined): void {
    this.silence.dispose();
    const { session, kept } = this;
    if (kept !== undefined) {
      kept.leave(this.channel);
      if (this.leaving) kept.end();
    } else if (session !== undefined) {
      this.sessions.end(session);
    }
    this.ended(error);
  }
}

const INIT = ops.INIT.code;
const DESTROY = ops.DESTROY.code;
const RESUME = ops.RESUME.code;
