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
export const HANDSHAKE_MS = 15_000;

/** INIT and RESUME have uniques of their own, below those of all requests. */
export const INIT_UNIQUE = 2n as Unique;
export const RESUME_UNIQUE = 4n as Unique;
export const FIRST_UNIQUE = 6n as Unique;

/** What the client remembers of its session, and of who keeps it: this run of the agent, this boot of the host. */
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
export function initReply(reply: ReplyHeader): InitOut {
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

export function resumeReply(reply: ReplyHeader): Resumed {
  if (reply.error !== 0) throw new ErrnoError(-reply.error, 'the agent refused RESUME');
  return decodeReplyBody('RESUME', reply.body);
}
