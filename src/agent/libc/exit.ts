import { Libc } from './libc';
import { runSync, syscall } from './op';

const exitGroup = syscall('exit_group', 'int');

/**
 * Exits as process.exit does, except that nobody waits for threads that are in a system call: Node joins those of
 * libuv's pool, and a mount that does not answer would keep the process for ever.
 */
export function exitPastThreads(code: number): never {
  // Behind everybody who wants to do something at exit.
  if (Libc.isLoaded) process.on('exit', () => void runSync(exitGroup(code)));
  process.exit(code);
}
