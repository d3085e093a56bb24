import type { Unique } from '../../protocol/brand';
import { UNIQUE_RESEND } from '../../protocol/fuse';
import type { OpName } from '../../protocol/opcodes';
import { ErrnoError } from '../../protocol/errno';
import type { Channel } from './channel';
import type { Countdown } from './countdown';
import type { Lane } from './sendQueue';
import type { Progress } from '../vfs';

/** A request without a reply yet. It survives its channel: after a reconnect it is sent again. */
export interface Pending {
  readonly unique: Unique;
  readonly op: OpName;
  /** Of a COMPOUND: what it is made of. */
  readonly parts: readonly OpName[] | undefined;
  readonly frame: Buffer;
  readonly lane: Lane;
  /** It changes the host: when the agent is lost, nobody knows whether it took effect. */
  readonly changes: boolean;
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

/** What to send of it: a repeat says that it is one. */
export function frameOf({ frame, sent, unique }: Pending): Buffer {
  if (!sent) return frame;
  const repeat = Buffer.from(frame);
  repeat.writeBigUInt64LE(unique | UNIQUE_RESEND, 8);
  return repeat;
}

/** Ends a pending request's deadline. */
export function disarm(pending: Pending): void {
  pending.timer?.dispose();
  pending.timer = undefined;
}

/** What to say of a request whose agent is gone, and why it is. What changes the host has an unknown outcome, the rest is asked anew. */
export function lostWithAgent({ op, changes, sent }: Pending, why: string): ErrnoError {
  // Not even what was never sent is: the nodeids and handles in it would be somebody else's.
  if (!changes || !sent) return new ErrnoError('ESTALE', why);
  return new ErrnoError('ECONNABORTED', `${why}: it is not known whether ${op} took effect`);
}
