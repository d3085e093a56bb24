import type { ClientChannel } from 'ssh2';

/**
 * Receive window of a channel in bytes. One round trip carries at most this much: at 100 ms, 80 MB/s.
 * It also bounds what a slow reader of one channel keeps in memory.
 */
const CHANNEL_WINDOW = 8 << 20;

/** The receive window every channel of ssh2 starts with and is refilled to (`MAX_WINDOW` in its lib/Channel.js). */
const SSH2_WINDOW = 2 << 20;

/** The parts of a channel that ssh2 keeps to itself. */
interface ChannelInternals {
  readonly incoming: { window: number };
  readonly outgoing: { readonly id: number };
  readonly _client: { readonly _protocol: { channelWindowAdjust(channel: number, bytes: number): void } };
}

/**
 * Widens a channel's receive window to `CHANNEL_WINDOW`: the host is granted the difference once, and ssh2 keeps
 * counting from its own, smaller window, which may now go below zero before the host has to stop.
 */
export function widenWindow(channel: ClientChannel): void {
  const { incoming, outgoing, _client } = channel as unknown as ChannelInternals;
  let left = incoming.window;
  Object.defineProperty(incoming, 'window', {
    // ssh2 drops data that arrives at a window of exactly zero. Here zero lies inside the granted window; reporting
    // one byte more then only makes the next refill one byte smaller.
    get: () => (left === 0 ? 1 : left),
    set: (value: number) => {
      left = value;
    },
  });
  _client._protocol.channelWindowAdjust(outgoing.id, CHANNEL_WINDOW - SSH2_WINDOW);
}
