import { randomBytes } from 'node:crypto';
import { closeSync, fstatSync, lstatSync, rmSync, writeSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import type { Duplex } from 'node:stream';
import { descriptorsLeft } from './descriptorsLeft';
import { GraceTimer } from './graceTimer';
import type { Greeting } from './greeting';
import type { DaemonOptions } from './options';
import { bootIdText } from '../processIdentity';
import { isOurPeer, type PeerUid } from './peer';
import { claimPrivateFolder } from './privateFolder';

/** The pipe, inherited from `connect`, on which the daemon says that it listens. */
export const READY_FD = 3;

/**
 * Channels at a time; more are closed at once. A window has two at most, and each costs a descriptor that the files and
 * watches of the others need.
 */
const CHANNELS_MAX = 256;
/** Descriptors that the channels leave for what they ask: files, listings, watches. */
const WORKING_DESCRIPTORS = 24;

/** Where the output of the daemon at this socket goes while it lives. */
export function logPathOf(socketPath: string): string {
  return `${socketPath}.log`;
}

/**
 * Serves channels on a private Unix socket until the last session has been gone for the grace time, or a signal
 * asks to end; then closes the socket, removes it and resolves.
 *
 * @param onChannel takes over an accepted channel, behind the greeting.
 * @param hasSessions whether any session is still kept, attached or waiting to be resumed.
 * @param peerUid says who connected: only this user and root are served.
 */
export async function runDaemon(
  options: DaemonOptions,
  onChannel: (channel: Duplex) => void,
  hasSessions: () => boolean,
  peerUid?: PeerUid,
): Promise<void> {
  claimPrivateFolder(dirname(options.socketPath));
  const greeting: Greeting = {
    livemount: 1,
    pid: process.pid,
    cookie: randomBytes(16).toString('hex'),
    bootId: bootIdText(),
  };
  const channels = new Set<Socket>();
  const server = createServer();
  await listen(server, options.socketPath);
  const inode = inodeOf(options.socketPath);

  await new Promise<void>((resolve) => {
    const grace = new GraceTimer({
      graceMs: options.graceS * 1000,
      isAttached: () => channels.size > 0,
      hasSessions,
      expired: resolve,
    });
    server.on('connection', (socket) => {
      const isFull = channels.size >= CHANNELS_MAX || descriptorsLeft() < WORKING_DESCRIPTORS;
      if (isFull || !isOurPeer(socket, peerUid)) {
        socket.destroy();
        return;
      }
      channels.add(socket);
      socket.on('error', () => {}); // A reset of the peer; `close` follows and is what counts.
      socket.on('close', () => {
        channels.delete(socket);
        grace.restart();
      });
      grace.restart();
      socket.write(`${JSON.stringify(greeting)}\n`);
      onChannel(socket);
    });
    // One that could not be accepted, for want of descriptors, comes again.
    server.on('error', () => {});
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(signal, () => resolve());
    grace.restart();
    announce();
  });

  for (const socket of channels) socket.destroy();
  // Closing removes whatever stands at the path: after a cleaner of /tmp that may be the socket of a newer daemon.
  if (inodeOf(options.socketPath) === inode) {
    server.close();
    rmSync(logPathOf(options.socketPath), { force: true });
  } else {
    server.unref();
  }
}

function inodeOf(path: string): number | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.ino;
}

/** Binds the socket so that nobody can connect before its mode is private. EADDRINUSE when it exists. */
async function listen(server: Server, path: string): Promise<void> {
  // The folder is private already; the mode of the socket itself is the second lock on the same door.
  const umask = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, () => resolve());
    });
  } finally {
    process.umask(umask);
  }
}

/** Tells the `connect` that started us, if one did, and lets go of its pipe. */
function announce(): void {
  try {
    const kind = fstatSync(READY_FD);
    if (!kind.isFIFO() && !kind.isSocket()) return;
    writeSync(READY_FD, 'ready\n');
    closeSync(READY_FD);
  } catch {
    // Started by hand: nobody waits.
  }
}
