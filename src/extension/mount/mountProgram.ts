import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { LastLines } from '../../base/lastLines';
import { onDispose } from '../../base/dispose';
import { type Answering, answerPassedOn, type Wire } from '../../ssh/auth/passedOn';
import type { Place } from '../uris';

/** The command line of ours, in a process of its own: a mount outlives the window, and must never wait for one. */
export interface MountProgram {
  /** dist/cli.js */
  readonly cli: string;
  /** Where the window keeps host keys. */
  readonly hostKeyStore: string;
  readonly answering: Answering;
}

export interface MountRequest {
  readonly place: Place;
  readonly directory: string;
  /** Options of the command line for the connection. */
  readonly options: readonly string[];
  readonly signal: AbortSignal;
}

/** The program ended without doing what it was asked, and said why in a sentence. */
export class MountProgramError extends Error {
  override readonly name = 'MountProgramError';
}

/** The program's Node is the editor's, which may have to be told to be one. */
const environment = () => ({ ...process.env, ELECTRON_RUN_AS_NODE: '1' });

/** Mounts; resolves when the mount stands. The process stays, and its questions are answered as long as the window is there. */
export async function startMount(
  { cli, hostKeyStore, answering }: MountProgram,
  { place, directory, options, signal }: MountRequest,
): Promise<void> {
  const args = ['mount', ...options, '--', `${place.host}:${place.path}`, directory];
  const child = spawn(process.execPath, [cli, ...args], {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'ipc'],
    env: { ...environment(), LIVEMOUNT_BACKGROUND: '1', LIVEMOUNT_WINDOW_HOST_KEYS: hostKeyStore },
    // Not in a folder that somebody may want to unmount.
    cwd: '/',
    detached: true,
  });
  // Its end is what is waited for; a failed start is told by `close` as well.
  let failed: Error | undefined;
  child.on('error', (error) => {
    failed = error;
  });
  const answers = answerPassedOn(childWire(child), answering);
  child.once('close', () => answers.dispose());
  const said = new LastLines();
  child.stderr?.setEncoding('utf8').on('data', said.push);
  const giveUp = () => void child.kill('SIGTERM');
  signal.addEventListener('abort', giveUp, { once: true });
  const ready = child.stdio[3] as Readable;
  try {
    const stands = await Promise.race([
      once(ready, 'data').then(() => true),
      once(child, 'close').then(() => false),
    ]);
    if (stands) return release(child, ready);
    signal.throwIfAborted();
    throw new MountProgramError(sentenceOf(said.text) ?? failed?.message ?? 'the mount did not come');
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}

/** Lets the process go its way: this one does not wait for its end. */
function release(child: ChildProcess, ready: Readable): void {
  ready.destroy();
  child.stderr?.destroy();
  child.channel?.unref();
  child.unref();
}

/** Ends a mount; `lazy`: also one that is in use. MountProgramError with the reason where it stays. */
export function endMount(
  { cli }: Pick<MountProgram, 'cli'>,
  directory: string,
  lazy: boolean,
): Promise<void> {
  const args = [cli, 'umount', ...(lazy ? ['--lazy'] : []), '--', directory];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, { cwd: '/', env: environment() }, (error, _stdout, stderr) => {
      if (error === null) resolve();
      else reject(new MountProgramError(sentenceOf(stderr) ?? error.message));
    });
  });
}

/** The last line of what the program said, without its name, as a sentence. */
function sentenceOf(said: string): string | undefined {
  const last =
    said
      .trimEnd()
      .split('\n')
      .at(-1)
      ?.replace(/^livemount: /, '') ?? '';
  if (last === '') return undefined;
  return `${last.charAt(0).toUpperCase()}${last.slice(1).replace(/\.$/, '')}.`;
}

function childWire(child: ChildProcess): Wire {
  return {
    send(message) {
      if (!child.connected) return false;
      child.send(message, () => undefined);
      return true;
    },
    onMessage(listener) {
      child.on('message', listener);
      return onDispose(() => void child.off('message', listener));
    },
    onEnd(listener) {
      child.once('disconnect', listener);
      return onDispose(() => void child.off('disconnect', listener));
    },
  };
}
