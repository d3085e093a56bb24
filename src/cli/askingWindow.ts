import { onDispose } from '../base/dispose';
import { type Answering, passedOn, type Wire } from '../ssh/auth/passedOn';

/** Set by a window that starts this program with a channel to itself: where it keeps the host keys it trusts. */
const HOST_KEYS = 'LIVEMOUNT_WINDOW_HOST_KEYS';

/** A window that asks its user for this program, and lends it what it remembers. */
export interface AskingWindow extends Answering {
  readonly hostKeyStore: string;
}

/** The window that started this process, if one did. When the window has gone, its questions count as closed. */
export function askingWindow(): AskingWindow | undefined {
  const { [HOST_KEYS]: hostKeyStore } = process.env;
  if (hostKeyStore === undefined || process.send === undefined) return undefined;
  delete process.env[HOST_KEYS];
  return { ...passedOn(parentWire()), hostKeyStore };
}

/** Node's channel to the parent. It keeps this process alive only while something is asked. */
function parentWire(): Wire {
  const { channel } = process;
  const waits = { count: 0 };
  const hold = (more: number) => {
    waits.count += more;
    if (waits.count > 0) channel?.ref();
    else channel?.unref();
  };
  // Without a listener the end of the window would be an error that nobody catches.
  process.on('error', () => undefined);
  return {
    send(message) {
      if (!process.connected) return false;
      hold(1);
      process.send?.(message, undefined, undefined, (error) => {
        if (error) hold(-1);
      });
      return true;
    },
    onMessage(listener) {
      const heard = (message: unknown) => {
        hold(-1);
        listener(message);
      };
      process.on('message', heard);
      hold(0);
      return onDispose(() => void process.off('message', heard));
    },
    onEnd(listener) {
      process.once('disconnect', listener);
      return onDispose(() => void process.off('disconnect', listener));
    },
  };
}
