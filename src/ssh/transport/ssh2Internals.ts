import type { Duplex } from 'node:stream';
import type { Client, ClientChannel, FileEntryWithStats, SFTPWrapper } from 'ssh2';
import { SFTP } from 'ssh2/lib/protocol/SFTP.js';

/**
 * All that is used of ssh2 beyond what it promises. package.json names its exact version, and
 * test/ssh/ssh2Internals.test.ts fails where one of these is gone or means something else.
 */

/**
 * Receive window of a channel in bytes. One round trip carries at most this much: at 100 ms, 80 MB/s.
 * It also bounds what a slow reader of one channel keeps in memory.
 */
export const CHANNEL_WINDOW = 8 << 20;

/** The receive window every channel of ssh2 starts with and is refilled to (`MAX_WINDOW` in its lib/Channel.js). */
export const SSH2_WINDOW = 2 << 20;

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

/** How often arriving bytes are passed on as a sign of life, in ms. */
const SIGN_OF_LIFE_MS = 1000;

/**
 * Lets every byte that arrives count as a sign of life. On a slow link the answer to a keepalive waits behind what
 * is already on its way; ssh2 alone would take that for death.
 */
export function keepAliveOnData(client: Client, stream: Duplex): void {
  const internals = client as unknown as { _resetKA?: () => void };
  let last = performance.now();
  stream.on('data', () => {
    const now = performance.now();
    if (now - last < SIGN_OF_LIFE_MS) return;
    last = now;
    // ssh2 sets it once the client is ready, and takes it back with the connection.
    internals._resetKA?.();
  });
}

/** What ssh2 does with the handle of a directory, which its types leave out: one answer of the server at a time. */
interface HandleReader {
  readdir(
    handle: Buffer,
    options: { readonly full: boolean },
    done: (error: Error | null | undefined, entries: FileEntryWithStats[]) => void,
  ): void;
}

/** SSH_FX_EOF (draft-ietf-secsh-filexfer-02, 7) */
const END_OF_FILE = 1;

/** The next entries of an open directory, `.` and `..` among them; undefined at the end. */
export function nextEntries(sftp: SFTPWrapper, handle: Buffer): Promise<FileEntryWithStats[] | undefined> {
  return new Promise((resolve, reject) =>
    (sftp as unknown as HandleReader).readdir(handle, { full: true }, (error, entries) => {
      if (!error) resolve(entries);
      else if ('code' in error && error.code === END_OF_FILE) resolve(undefined);
      else reject(error);
    }),
  );
}

/** ssh2's SFTP client, which it offers only behind an SSH connection of its own. */
export interface CarriedSftp extends SFTPWrapper {
  /** Takes what the server sent; null at the end. */
  push(data: Buffer | null): void;
  /** Sends the first packet. */
  _init(): void;
}

/** Larger than any window that a stream with its own flow control needs. */
const NO_WINDOW = Number.MAX_SAFE_INTEGER;

/**
 * ssh2's SFTP client without an SSH connection.
 *
 * @param send takes a packet for the server; its memory is the caller's to keep.
 * @param close is called when the client wants no more.
 */
export function carriedSftp(send: (packet: Buffer) => void, close: () => void): CarriedSftp {
  const protocol = {
    // By this name it knows OpenSSH's larger packets.
    _remoteIdentRaw: Buffer.from('SSH-2.0-OpenSSH_9.0'),
    // ssh2 reuses the packet's memory once it takes it for sent.
    channelData: (_id: number, data: Buffer) => send(Buffer.from(data)),
    channelClose: () => close(),
  };
  const end = () => ({ id: 0, window: NO_WINDOW, packetSize: 256 << 10, state: 'open' });
  return new SFTP({ _protocol: protocol }, { type: 'sftp', incoming: end(), outgoing: end() }, {});
}
