import { posix } from 'node:path';
import type { Peer } from './peer';

/** One call that an editor made while it opened a folder. Times in ms since the first one. */
export interface TracedCall {
  readonly call: 'stat' | 'readDirectory' | 'readFile' | 'watch';
  /** Below the folder that was opened; `..` leads out of it. */
  readonly path: string;
  readonly start: number;
  /** Missing for a watch, which has no answer. */
  readonly end?: number;
  /** Of a watch. */
  readonly recursive?: boolean;
}

/**
 * Plays a recorded sequence of calls: a call starts when those that had ended before it in the recording have ended
 * now. So what the editor waited for is waited for, whatever took how long when it was recorded.
 */
export async function replay(peer: Peer, root: string, calls: readonly TracedCall[]): Promise<void> {
  const ordered = [...calls].sort((a, b) => a.start - b.start);
  const done = new Map<TracedCall, Promise<unknown>>();
  for (const call of ordered) {
    const earlier = ordered.filter((other) => other.end !== undefined && other.end <= call.start);
    const path = posix.join(root, call.path);
    const started = Promise.all(earlier.map((other) => done.get(other))).then(() =>
      perform(peer, call, path),
    );
    done.set(call, started);
  }
  await Promise.all(done.values());
}

function perform(
  peer: Peer,
  { call, recursive = false }: TracedCall,
  path: string,
): Promise<unknown> | undefined {
  switch (call) {
    case 'stat':
      return peer.stat(path);
    case 'readDirectory':
      return peer.list(path);
    case 'readFile':
      return peer.read(path);
    case 'watch':
      peer.watch(path, recursive);
      return undefined;
  }
}
