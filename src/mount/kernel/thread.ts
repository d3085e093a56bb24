import { isMainThread, workerData } from 'node:worker_threads';
import { runEchoThread } from './echoThread';
import { runReader } from './readerThread';
import { ECHO_ROLE, type EchoStart, READER_ROLE, type ReaderStart } from './threadProtocol';

/** This is a thread of a mount: `workerData` says so. */
export function isMountThread(): boolean {
  const { role } = (workerData ?? {}) as Partial<ReaderStart | EchoStart>;
  return !isMainThread && (role === READER_ROLE || role === ECHO_ROLE);
}

export function runMountThread(): void {
  const start = workerData as ReaderStart | EchoStart;
  if (start.role === READER_ROLE) runReader(start);
  else runEchoThread(start);
}

// In the bundle the program's main module looks who it is; run from its source, this file is the thread's program.
if (isMountThread() && __filename.endsWith('thread.ts')) runMountThread();
