import { Errno, errnoOf } from '../protocol/errno';
import { ConnectError } from '../ssh/connectError';
import { NoRuntimeError } from '../ssh/noRuntime';

/** What a user can do about an errno. */
const advice: Readonly<Partial<Record<number, string>>> = {
  [Errno.EACCES]: 'your user on the host has no permission for it',
  [Errno.EPERM]: 'the host does not allow it to your user',
  [Errno.EISDIR]: 'it is a folder',
  [Errno.ENOTDIR]: 'it is no folder, or leads through something that is none',
  [Errno.ENOTEMPTY]: 'the folder is not empty; rm -r deletes what is in it too',
  [Errno.ELOOP]: 'its symbolic links lead in a circle; correct one of them on the host',
  [Errno.EFBIG]: 'it is larger than can be taken at once (2 GB); use scp or rsync',
  [Errno.ENOSPC]: 'the host’s disk is full; nothing was changed',
  [Errno.EDQUOT]: 'your disk quota on the host is used up; nothing was changed',
  [Errno.EROFS]: 'that filesystem is mounted read-only on the host',
  [Errno.ETIMEDOUT]: 'the host’s filesystem does not answer',
  [Errno.ESTALE]: 'it is gone from the host, or its filesystem was unmounted',
  [Errno.ENXIO]: 'it is a device, socket or pipe',
  [Errno.EIO]: 'the host reports an input/output error; its kernel log may say more',
};

const NOBODY_TO_ASK =
  'There is no terminal to ask on: connect once from a terminal (livemount ls, or ssh), or use a key that the SSH agent holds';

/** One line that says what happened to what, and what to do about it. */
export function errorLine(error: unknown, isInteractive: boolean): string {
  const said = error instanceof Error ? error.message : String(error);
  const sentences = [said.replace(/\s*\n\s*/g, ' | ')];
  if (error instanceof ConnectError) {
    if (!isInteractive && isAnswerMissing(error)) sentences.push(NOBODY_TO_ASK);
    if (error instanceof NoRuntimeError) {
      sentences.push('Install Node.js there, or use --reach sftp, which needs nothing on the host');
    }
  } else {
    const more = advice[errnoOf(error)];
    if (more !== undefined) sentences[0] = `${sentences[0]}: ${more}`;
  }
  return sentences.join('. ');
}

function isAnswerMissing({ failure }: ConnectError): boolean {
  return failure === 'host-key-unknown' || failure === 'authentication' || failure === 'cancelled';
}
