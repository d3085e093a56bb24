import { Errno, ErrnoError, errnoName, errnoOf } from '../../protocol/errno';
import { encodeReplyFrame, encodeReplyHeader, FrameError } from '../../protocol/frame';
import { type InHeader, UNIQUE_RESEND } from '../../protocol/fuse';
import { Feature } from '../../protocol/livemount';
import { decodeHeader, decodeRequest, encodeReplyBody, type Request } from '../../protocol/message';
import { opByCode, ops } from '../../protocol/opcodes';
import type { FrameChannel } from './channel';
import type { Agreement } from './handler';
import { ReplyCache } from './replyCache';
import { type InFlight, Interruption, RequestTable } from './requests';

/** Carries requests out, for a dispatcher that takes and answers them. */
export interface Performer {
  /** Gives the reply's value, or a promise of it. */
  perform(request: Request, interruption: Interruption): unknown;
  /** FORGET and the like, done in the order they come, never behind anything. */
  performSilently(request: Request): void;
}

/** Bytes of a reply's body from which two pieces cost less than a copy. */
const UNCOPIED = 32 << 10;

/**
 * Takes the request frames of one client, from any of its channels, and answers each once: one that is sent again after
 * a reconnect is answered from the cache, or when what is under way is done.
 */
export class Dispatcher {
  private readonly requests = new RequestTable();
  private readonly replies = new ReplyCache();

  constructor(
    private readonly agreement: Agreement,
    private readonly performer: Performer,
    private readonly log: (message: string) => void,
  ) {}

  /**
   * Takes one request frame; gives whether nobody holds its memory any more. Throws FrameError for bytes that are no
   * request: the channel ends.
   */
  receive(channel: FrameChannel, frame: Buffer): boolean {
    const header = decodeHeader(frame);
    const unique = header.unique & ~UNIQUE_RESEND;
    if (header.unique & UNIQUE_RESEND && this.answerAgain(channel, header.unique, unique)) return false;
    let request: Request;
    try {
      request = decodeRequest(frame, header, this.agreement.dialect);
      if (this.requests.get(unique) !== undefined && ops[request.op].out !== 'none') {
        throw new FrameError(`unique ${unique} is used for two requests at once`);
      }
    } catch (error) {
      if (error instanceof FrameError) throw error;
      const op = opByCode(header.opcode);
      if (op === undefined || ops[op].out !== 'none')
        channel.send(encodeReplyFrame(header.unique, -errnoOf(error)));
      return false;
    }
    const answered = this.start(channel, request, header, frame.length);
    // Of what others carry, names stay in tables; what a WRITE carried is on the host.
    return answered && request.op === 'WRITE';
  }

  /** Interrupts everything: the client is gone for good. */
  abortAll(): void {
    this.requests.abortAll();
  }

  private answerAgain(channel: FrameChannel, resent: bigint, unique: bigint): boolean {
    const reply = this.replies.get(unique);
    if (reply !== undefined) {
      const again = Buffer.from(reply);
      again.writeBigUInt64LE(resent, 8);
      channel.send(again);
      return true;
    }
    const running = this.requests.get(unique);
    if (running === undefined) return false;
    running.replyTo = channel;
    running.replyUnique = resent;
    return true;
  }

  /** Begins a request; gives whether it is answered already. */
  private start(channel: FrameChannel, request: Request, header: InHeader, bytes: number): boolean {
    if (ops[request.op].out === 'none') {
      this.withoutReply(request);
      return true;
    }
    const running: InFlight = {
      unique: header.unique & ~UNIQUE_RESEND,
      interruption: new Interruption(),
      bytes,
      replyTo: channel,
      replyUnique: header.unique,
    };
    this.requests.add(running);
    try {
      const result = this.performer.perform(request, running.interruption);
      if (result instanceof Promise) {
        result.then(
          (value) => this.succeed(running, request, value),
          (error) => this.fail(running, request, error),
        );
        return false;
      }
      this.succeed(running, request, result);
    } catch (error) {
      this.fail(running, request, error);
    }
    return true;
  }

  private withoutReply(request: Request): void {
    try {
      if (request.op === 'INTERRUPT') {
        const { unique } = (request as Request<'INTERRUPT'>).in;
        this.requests.get(unique & ~UNIQUE_RESEND)?.interruption.abort();
        return;
      }
      this.performer.performSilently(request);
    } catch (error) {
      this.log(`${request.op} ${request.header.nodeid}: ${describe(error)}`);
    }
  }

  private succeed(running: InFlight, request: Request, value: unknown): void {
    let body: Buffer | undefined;
    try {
      body = encodeReplyBody(request.op, value as never, this.agreement.dialect);
    } catch (error) {
      this.fail(running, request, error);
      return;
    }
    if (body !== undefined && body.length >= UNCOPIED && ops[request.op].repeatable) {
      this.requests.remove(running);
      running.replyTo.send(encodeReplyHeader(running.replyUnique, body.length), body);
      return;
    }
    this.finish(running, request, encodeReplyFrame(running.replyUnique, 0, body));
  }

  private fail(running: InFlight, request: Request, error: unknown): void {
    const errno = error instanceof DOMException && error.name === 'AbortError' ? Errno.EINTR : errnoOf(error);
    if (!(error instanceof ErrnoError)) {
      this.log(`${request.op} ${request.header.nodeid}: ${describe(error)}, answered ${errnoName(errno)}`);
    }
    this.finish(running, request, encodeReplyFrame(running.replyUnique, -errno));
  }

  private finish(running: InFlight, request: Request, frame: Buffer): void {
    this.requests.remove(running);
    if (this.agreement.features & Feature.RESUME && !ops[request.op].repeatable) {
      this.replies.put(running.unique, frame);
    }
    running.replyTo.send(frame);
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
