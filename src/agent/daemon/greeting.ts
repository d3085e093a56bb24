import type { Duplex } from 'node:stream';
import { ErrnoError } from '../../protocol/errno';

/** What the daemon tells about itself, in one line of JSON, before the first frame of every channel. */
export interface Greeting {
  /** Version of this line and of how channels are attached. */
  readonly livemount: 1;
  readonly pid: number;
  /** Random for each daemon and known only to its user: proves that a socket is still the same daemon's. */
  readonly cookie: string;
  /** /proc/sys/kernel/random/boot_id: differs after the host was rebooted. */
  readonly bootId: string;
}

/** Longer than any greeting; a peer that has not ended its line by then is something else. */
const GREETING_LIMIT = 4096;

/** Reads the greeting and leaves every byte behind it in the stream. EPROTO when it is none, EPIPE when it ends. */
export function readGreeting(stream: Duplex): Promise<Greeting> {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    const settle = (finish: () => void) => {
      stream.off('readable', onReadable).off('end', onEnd).off('close', onEnd).off('error', onError);
      finish();
    };
    const onEnd = () => settle(() => reject(new ErrnoError('EPIPE', 'the daemon closed the socket')));
    const onError = (error: Error) => settle(() => reject(error));
    const onReadable = () => {
      for (let chunk: Buffer | null = stream.read(); chunk !== null; chunk = stream.read()) {
        received = Buffer.concat([received, chunk]);
        const end = received.indexOf(0x0a);
        if (end < 0 && received.length <= GREETING_LIMIT) continue;
        settle(() => {
          if (end < 0) {
            reject(new ErrnoError('EPROTO', 'what answers is not the daemon'));
            return;
          }
          if (end + 1 < received.length) stream.unshift(received.subarray(end + 1));
          try {
            resolve(parseGreeting(received.subarray(0, end).toString('utf8')));
          } catch (error) {
            reject(error);
          }
        });
        return;
      }
    };
    stream.on('readable', onReadable).on('end', onEnd).on('close', onEnd).on('error', onError);
  });
}

/** EPROTO when the line is not a greeting of this version. */
function parseGreeting(line: string): Greeting {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    value = undefined;
  }
  if (isGreeting(value)) return value;
  throw new ErrnoError('EPROTO', 'what answers is not the daemon of this version');
}

function isGreeting(value: unknown): value is Greeting {
  if (typeof value !== 'object' || value === null) return false;
  const { livemount, pid, cookie, bootId } = value as Record<string, unknown>;
  return (
    livemount === 1 && typeof pid === 'number' && typeof cookie === 'string' && typeof bootId === 'string'
  );
}
