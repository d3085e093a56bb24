import type { Duplex } from 'node:stream';
import type { Clock } from '../../base/clock';
import type { Disposable } from '../../base/dispose';
import { FrameError } from '../../protocol/frame';
import { onAbort } from './aborts';
import { Channel } from './channel';
import { Priority } from './sendQueue';
import { ROOT_ID, type Unique } from '../../protocol/brand';
import { ErrnoError } from '../../protocol/errno';
import { FUSE_MAJOR, FUSE_MINOR, InitFlag, type InitOut } from '../../protocol/fuse';
import {
  LM_MAGIC,
  LM_VERSION,
  NEEDED_FEATURES,
  RESUME_ATTACH,
  type ResumeOut,
} from '../../protocol/livemount';
import { decodeReplyBody, encodeRequest, type ReplyHeader } from '../../protocol/message';
import type { Cursors } from '../../protocol/resume';
import { encodeCursors } from '../../protocol/resume';
import type { Value } from '../../protocol/struct';

export type Resumed = Value<typeof ResumeOut>;

/** A peer that has not answered INIT and RESUME by then is not there, in ms. */
const HANDSHAKE_MS = 15_000;

/** INIT and RESUME have uniques of their own, below those of all requests. */
const INIT_UNIQUE = 2n as Unique;
const RESUME_UNIQUE = 4n as Unique;
export const FIRST_UNIQUE = 6n as Unique;

/**
 * What the client remembers of its session, and of who keeps it: this run of the agent, this boot of the host. `token` is what
 * lets a channel have the session back: the agent makes it with the session, each RESUME shows it, and it ends with the
 * session, which the agent gives up some time (its grace) after the last channel. It is never written down on this side.
 */
export type SessionTicket = Pick<Resumed, 'session' | 'token' | 'instance' | 'boot'>;

const NOTHING = Buffer.alloc(16);
export const NO_SESSION: SessionTicket = {
  session: NOTHING,
  token: NOTHING,
  instance: NOTHING,
  boot: NOTHING,
};

/** How a session came to its end that was to be resumed; for people. */
export function whatEnded(session: SessionTicket, next: SessionTicket): string {
  if (!session.boot.equals(next.boot)) return 'the host was started anew';
  if (!session.instance.equals(next.instance)) return 'the agent was started anew';
  return 'the agent had given the session up';
}

/** What we offer in INIT. Its flags say what a server may send us, so they are few. */
const OFFERED =
  InitFlag.INIT_EXT |
  InitFlag.HAS_RESEND |
  InitFlag.SUBMOUNTS |
  InitFlag.MAX_PAGES |
  InitFlag.BIG_WRITES |
  InitFlag.DO_READDIRPLUS |
  InitFlag.SETXATTR_EXT |
  InitFlag.PARALLEL_DIROPS |
  InitFlag.ATOMIC_O_TRUNC;

/** Both frames leave together: the server does them in order, so a channel is ready after one round trip. */
export function handshakeFrames(
  ticket: SessionTicket,
  cursors: Cursors,
  attach: boolean,
  graceS: number,
  features: number,
): Buffer[] {
  const init = encodeRequest('INIT', INIT_UNIQUE, ROOT_ID, {
    major: FUSE_MAJOR,
    minor: FUSE_MINOR,
    max_readahead: 1 << 20,
    flags: Number(OFFERED & 0xffffffffn),
    flags2: Number(OFFERED >> 32n),
    lm_magic: LM_MAGIC,
    lm_version: LM_VERSION,
    lm_features: features,
  });
  const { session, token } = ticket;
  const flags = attach ? RESUME_ATTACH : 0;
  const fixed = { session, token, count: cursors.size, flags, grace: graceS };
  const resume = encodeRequest('RESUME', RESUME_UNIQUE, ROOT_ID, fixed, [], encodeCursors(cursors));
  return [init, resume];
}

/** Reads the reply to INIT. EPROTO: the other side is no Livemount agent, or one that lacks what we need. */
function initReply(reply: ReplyHeader): InitOut {
  if (reply.error !== 0) throw new ErrnoError('EPROTO', `the agent refused INIT with ${-reply.error}`);
  const init = decodeReplyBody('INIT', reply.body);
  if (init.major !== FUSE_MAJOR || init.lm_magic !== LM_MAGIC) {
    throw new ErrnoError('EPROTO', 'what answers is a FUSE server, but no Livemount agent');
  }
  if (init.lm_version !== LM_VERSION || (init.lm_features & NEEDED_FEATURES) !== NEEDED_FEATURES) {
    throw new ErrnoError(
      'EPROTO',
      `the agent speaks version ${init.lm_version} of our protocol, not ${LM_VERSION}`,
    );
  }
  return init;
}

function resumeReply(reply: ReplyHeader): Resumed {
  if (reply.error !== 0) throw new ErrnoError(-reply.error, 'the agent refused RESUME');
  return decodeReplyBody('RESUME', reply.body);
}

export interface Handshake {
  /** INIT and RESUME, which leave together. */
  readonly frames: readonly Buffer[];
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** RESUME was answered, `ms` after it left: what comes next speaks for the session. */
  agreed(channel: Channel, resumed: Resumed, ms: number): void;
  /** A reply to anything but the handshake. */
  reply(channel: Channel, reply: ReplyHeader): void;
  /** The channel is gone, at whatever time. */
  ended(channel: Channel, reason: Error): void;
}

/** A channel, and what the agent said of the session. */
export interface Attached {
  readonly channel: Channel;
  readonly resumed: Resumed;
}

/** Makes a byte stream a channel of the session: one round trip. Rejects with what the agent said, or ETIMEDOUT. */
export function shakeHands(stream: Duplex, handshake: Handshake): Promise<Attached> {
  const { frames, signal, clock } = handshake;
  const started = clock.now();
  return new Promise((resolve, reject) => {
    let initialized = false;
    let isOver = false;
    let aborts: Disposable | undefined;
    const fail = (reason: unknown) => {
      timer.dispose();
      aborts?.dispose();
      channel.dispose();
      reject(reason);
    };
    const cancel = () => fail(signal.reason ?? new ErrnoError('ECANCELED'));
    const timer = clock.after(HANDSHAKE_MS, () =>
      fail(new ErrnoError('ETIMEDOUT', 'the agent did not answer INIT')),
    );
    const take = (reply: ReplyHeader) => {
      if (reply.unique === INIT_UNIQUE) {
        if (initialized) throw new ErrnoError('EPROTO', 'INIT was answered twice');
        initReply(reply);
        initialized = true;
        return;
      }
      const resumed = resumeReply(reply);
      if (!initialized) throw new ErrnoError('EPROTO', 'RESUME was answered before INIT');
      timer.dispose();
      aborts?.dispose();
      isOver = true;
      handshake.agreed(channel, resumed, clock.now() - started);
      resolve({ channel, resumed });
    };
    const channel: Channel = new Channel(stream, {
      reply: (from, reply) => {
        if (reply.unique !== INIT_UNIQUE && reply.unique !== RESUME_UNIQUE) {
          handshake.reply(from, reply);
          return;
        }
        if (isOver) throw new FrameError('the handshake was answered twice');
        try {
          take(reply);
        } catch (error) {
          fail(error);
        }
      },
      ended: (ended, reason) => {
        fail(reason);
        handshake.ended(ended, reason);
      },
    });
    aborts = onAbort(signal, cancel);
    if (signal.aborted) return cancel();
    for (const frame of frames) channel.send(frame, Priority.URGENT);
  });
}
