import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { FIND_ROLE, type ThreadReport, type ThreadStart, ThreadWord } from './findJob';
import { TextSearch } from './textSearch';
import { absolute } from './walk';

/** This thread searches files: `workerData` says so. */
export function isFindThread(): boolean {
  const start = workerData as Partial<ThreadStart> | null;
  return !isMainThread && start?.role === FIND_ROLE;
}

/** Searches the files it is given, batch by batch. Whoever started it ends it when it takes too long in one. */
export function runFindThread(): void {
  const { query, latin1, root, fileBytesMax, words } = workerData as ThreadStart;
  const search = new TextSearch(query, latin1);
  const state = new Int32Array(words);
  const post = (report: ThreadReport) => parentPort?.postMessage(report);
  parentPort?.on('message', (batch: readonly string[]) => {
    for (const [index, path] of batch.entries()) {
      Atomics.add(state, ThreadWord.SERIAL, 1);
      const content = contentOf(absolute(root, path), fileBytesMax);
      if (content === 'unreadable' || content === 'large') {
        post({ note: { path, kind: content } });
        continue;
      }
      if (content === undefined) continue;
      Atomics.store(state, ThreadWord.MEGABYTES, content.length >> 20);
      Atomics.store(state, ThreadWord.FILE, index + 1);
      const found = search.matchesIn(content);
      Atomics.store(state, ThreadWord.FILE, 0);
      if (found !== undefined && found.matches.length > 0) post({ found: { path, ...found } });
    }
    post({ batch: true });
  });
}

/** A file's content; undefined if it is gone, or no regular file any more. */
function contentOf(path: string, bytesMax: number): Buffer | 'unreadable' | 'large' | undefined {
  let fd: number;
  try {
    // Whatever took its name since it was listed: a link is not followed, a pipe does not keep us.
    fd = openSync(
      Buffer.from(path, 'latin1'),
      constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
    );
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    return code === 'ENOENT' || code === 'ELOOP' ? undefined : 'unreadable';
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) return undefined;
    return stat.size > bytesMax ? 'large' : readFileSync(fd);
  } catch {
    return 'unreadable';
  } finally {
    closeSync(fd);
  }
}

// From source (in tests) this file is the thread's program.
if (isFindThread() && __filename.endsWith('findThread.ts')) runFindThread();
