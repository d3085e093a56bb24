import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, lstatSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createConnection, Socket } from 'node:net';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ErrnoError } from '../../protocol/errno';
import { HEAP_FLAGS } from '../heapFlags';
import { logPathOf, READY_FD } from './daemon';
import { type Greeting, readGreeting } from './greeting';
import type { ConnectOptions } from './options';
import { hostTag } from '../processIdentity';
import { isOurPeer, isOurSocket, type PeerUid } from './peer';
import { claimFirstFolder, socketFolderCandidates } from './privateFolder';
import { withStartLock } from './startLock';

const START_TIMEOUT_MS = 15_000;

/** sockaddr_un.sun_path has 108 bytes with the final NUL (unix(7)). */
const SOCKET_PATH_LIMIT = 107;

/**
 * Attaches standard input and output to the daemon of this version, starting it when there is none, and resolves
 * when either side has ended. The line `MARKER ready {json}` on standard output comes before the first frame.
 */
export async function runConnect(options: ConnectOptions, peerUid?: PeerUid): Promise<void> {
  const folder = claimFirstFolder(socketFolderCandidates(process.env, process.getuid?.() ?? 0));
  const socketPath = join(folder, `${options.id.slice(0, 16)}-${hostTag()}.sock`);
  if (Buffer.byteLength(socketPath) > SOCKET_PATH_LIMIT) {
    throw new ErrnoError('ENAMETOOLONG', `${socketPath} is too long for a socket`);
  }
  const { socket, greeting } =
    (await attach(socketPath, peerUid)) ?? (await startAndAttach(socketPath, options, peerUid));

  const input = standardStream(0);
  const output = standardStream(1);
  const ready = { ...greeting, socketPath, runtime: process.execPath };
  output.write(`${options.marker} ready ${JSON.stringify(ready)}\n`);
  await Promise.race([pipeline(input, socket), pipeline(socket, output)]).catch(() => {
    // Either side going away is how a channel ends.
  });
  input.destroy();
  socket.destroy();
}

interface Attached {
  readonly socket: Socket;
  readonly greeting: Greeting;
}

/**
 * A channel to the daemon that listens there, or nothing when none of this user's does. What stands there and is not
 * ours never hears from us.
 */
async function attach(socketPath: string, peerUid: PeerUid | undefined): Promise<Attached | undefined> {
  const standing = lstatSync(socketPath, { throwIfNoEntry: false });
  if (standing === undefined || !isOurSocket(standing)) return undefined;
  const socket = createConnection({ path: socketPath });
  try {
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ECONNREFUSED') return undefined;
    throw error;
  }
  if (!isOurPeer(socket, peerUid)) {
    socket.destroy();
    throw new ErrnoError('EACCES', `another user's program listens at ${socketPath}`);
  }
  try {
    return { socket, greeting: await readGreeting(socket) };
  } catch (error) {
    socket.destroy();
    // It was ending as we came: its socket is gone in a moment, and the start lock waits for no one but starters.
    if (error instanceof ErrnoError && error.code === 'EPIPE') return undefined;
    throw error;
  }
}

function startAndAttach(
  socketPath: string,
  options: ConnectOptions,
  peerUid: PeerUid | undefined,
): Promise<Attached> {
  return withStartLock(`${socketPath}.lock`, START_TIMEOUT_MS, async () => {
    const started = await attach(socketPath, peerUid);
    if (started !== undefined) return started;
    // Nobody listens, and nobody else may start to while we hold the lock: what stands there is dead.
    rmSync(socketPath, { force: true, recursive: true });
    await startDaemon(socketPath, options);
    const attached = await attach(socketPath, peerUid);
    if (attached === undefined)
      throw new ErrnoError('ECONNREFUSED', 'the daemon ended as soon as it was started');
    return attached;
  });
}

/** Starts a daemon that outlives this session, and waits until it listens. EIO, with what it printed, if it ends. */
async function startDaemon(socketPath: string, options: ConnectOptions): Promise<void> {
  const logPath = logPathOf(socketPath);
  const log = openSync(logPath, 'w', 0o600);
  try {
    const child = spawn(
      process.execPath,
      [...HEAP_FLAGS, options.program, 'daemon', '--socket', socketPath, '--grace', `${options.graceS}`],
      // Not in the folder of the login, whose filesystem someone may want to unmount.
      { cwd: '/', detached: true, stdio: ['ignore', log, log, 'pipe'] },
    );
    child.unref();
    const why = await readiness(child);
    if (why === undefined) return;
    throw new ErrnoError(
      'EIO',
      `the daemon did not start: ${why}\n${readFileSync(logPath, 'utf8').trim()}`.trim(),
    );
  } finally {
    closeSync(log);
  }
}

/** Resolves to nothing once the daemon says it listens, else to the reason why it will not. */
async function readiness(child: ChildProcess): Promise<string | undefined> {
  const pipe = child.stdio[READY_FD] as Readable | undefined;
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise((resolve) => {
      timer = setTimeout(() => {
        child.kill();
        resolve(`no answer in ${START_TIMEOUT_MS / 1000} s`);
      }, START_TIMEOUT_MS);
      child.once('error', (error) => resolve(error.message));
      child.once('exit', (code, signal) => resolve(signal ? `killed by ${signal}` : `exit status ${code}`));
      pipe?.once('data', () => resolve(undefined));
    });
  } finally {
    clearTimeout(timer);
    pipe?.destroy();
    child.removeAllListeners();
  }
}

/**
 * A standard stream that never blocks the other direction: Node's own writes to a pipe synchronously, so a reader
 * that is slow for a moment would stop what comes in as well.
 */
function standardStream(fd: 0 | 1): Socket {
  return new Socket({ fd, readable: fd === 0, writable: fd === 1 });
}
