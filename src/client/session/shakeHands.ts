import type { Duplex } from 'node:stream';
import type { Disposable } from '../../base/dispose';
import { ErrnoError } from '../../protocol/errno';
import { FrameError } from '../../protocol/frame';
import type { ReplyHeader } from '../../protocol/message';
import { onAbort } from './aborts';
import { Channel } from './channel';
import { HANDSHAKE_MS, INIT_UNIQUE, initReply, RESUME_UNIQUE, type Resumed, resumeReply } from './handshake';
import { Lane } from './sendQueue';

export interface Handshake {
  /** INIT and RESUME, which leave together. */
  readonly frames: readonly Buffer[];
  readonly signal: AbortSignal;
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
  const { frames, signal } = handshake;
  const started = performance.now();
  return new Promise((resolve, reject) => {
    let initialized = false;
    let isOver = false;
    let aborts: Disposable | undefined;
    const fail = (reason: unknown) => {
      clearTimeout(timer);
      aborts?.dispose();
      channel.dispose();
      reject(reason);
    };
    const cancel = () => fail(signal.reason ?? new ErrnoError('ECANCELED'));
    const timer = setTimeout(
      () => fail(new ErrnoError('ETIMEDOUT', 'the agent did not answer INIT')),
      HANDSHAKE_MS,
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
      clearTimeout(timer);
      aborts?.dispose();
      isOver = true;
      handshake.agreed(channel, resumed, performance.now() - started);
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
    for (const frame of frames) channel.send(frame, Lane.URGENT);
  });
}
