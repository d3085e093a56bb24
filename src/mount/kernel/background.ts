import { close, openat } from '../../agent/libc/files';
import { AT_FDCWD, O } from '../../agent/libc/flags';
import { cString } from '../../agent/libc/libc';
import { quietSyscall, runSync } from '../../agent/libc/op';

const setsidCall = quietSyscall('setsid');
const dup3Call = quietSyscall('dup3', 'int', 'int', 'int');

/**
 * Leaves the terminal that this process was started from: it belongs to no session of it any more, and its standard
 * streams lead nowhere. For a process that has told its starter all there was to tell.
 */
export function leaveTerminal(): void {
  runSync(setsidCall());
  const nowhere = runSync(openat(AT_FDCWD, cString(Buffer.from('/dev/null')), O.RDWR));
  for (const stream of [0, 1, 2]) runSync(dup3Call(nowhere, stream, 0));
  if (nowhere > 2) runSync(close(nowhere));
}
