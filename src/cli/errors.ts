import { Errno, ErrnoError, errnoOf } from '../protocol/errno';
import { ConnectError } from '../ssh/connectError';
import { NoRuntimeError } from '../ssh/agent/noRuntime';

/** A failure whose message is already what a person should read. */
export class Failure extends Error {
  override readonly name = 'Failure';
}

/** What an errno means to a person, and what can be done about it. */
const phrases: Readonly<Partial<Record<number, string>>> = {
  [Errno.ENOENT]: 'no such file or folder',
  [Errno.EEXIST]: 'it exists already',
  [Errno.EACCES]: 'your user on the host has no permission',
  [Errno.EPERM]: 'the host does not allow it to your user',
  [Errno.EISDIR]: 'it is a folder',
  [Errno.ENOTDIR]: 'it is no folder, or leads through something that is none',
  [Errno.ENOTEMPTY]: 'the folder is not empty; rm -r deletes what is in it too',
  [Errno.EBUSY]: 'it is in use, or a mount stands in it',
  [Errno.EXDEV]: 'the two places are on different mounts; use cp, then rm',
  [Errno.ELOOP]: 'its symbolic links lead in a circle; correct one of them on the host',
  [Errno.EFBIG]: 'it is larger than can be taken at once (2 GB); use scp or rsync',
  [Errno.ENAMETOOLONG]: 'the name is too long for the host’s filesystem',
  [Errno.EILSEQ]: 'the name cannot be expressed on the host',
  [Errno.ENOSPC]: 'the host’s disk is full; nothing was changed',
  [Errno.EDQUOT]: 'your disk quota on the host is used up; nothing was changed',
  [Errno.EROFS]: 'that filesystem is mounted read-only on the host',
  [Errno.ETIMEDOUT]: 'the host’s filesystem does not answer',
  [Errno.ENOTCONN]: 'the connection was lost',
  [Errno.ESTALE]: 'it is gone from the host, or its filesystem was unmounted',
  [Errno.ENXIO]: 'it is a device, socket or pipe',
  [Errno.EIO]: 'the host reports an input/output error; its kernel log may say more',
  [Errno.ENOTRECOVERABLE]:
    'the disk failed while it was written; what it held before is kept on the host until it is restored in the editor',
  [Errno.EREMCHG]: 'it was changed on the host meanwhile; nothing was written',
  [Errno.EOPNOTSUPP]: 'the host’s filesystem cannot do that',
  [Errno.ECANCELED]: 'it was cancelled',
};

/** An error of the host about one path, as a sentence: what, what it means, and what the host added. */
export function hostFailure(error: unknown, path: string): Error {
  if (!(error instanceof ErrnoError) || error instanceof ConnectError) return asError(error);
  const phrase = phrases[errnoOf(error)];
  const detail = ownWords(error);
  const said = [phrase ?? error.code, ...(detail === '' || detail === path ? [] : [`(${detail})`])].join(' ');
  return new Failure(`${path}: ${said}`, { cause: error });
}

/** What an ErrnoError says besides its code; the name of a request alone tells a person nothing. */
function ownWords(error: ErrnoError): string {
  const words = error.message.replace(` (${error.code})`, '').trim();
  return words === error.code || /^[A-Z][A-Z_]+$/.test(words) ? '' : words;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

const NOBODY_TO_ASK =
  'There is no terminal to ask on: connect once from a terminal (livemount ls, or ssh), or use a key that the SSH agent holds';

/** One line that says what happened, and what to do about it. */
export function errorLine(error: unknown, isInteractive: boolean): string {
  const sentences = [asError(error).message.replace(/\s*\n\s*/g, ' | ')];
  if (error instanceof NoRuntimeError) {
    sentences.push('Install Node.js there, or use --reach sftp, which needs nothing on the host');
  }
  if (error instanceof ConnectError && !isInteractive && isAnswerMissing(error))
    sentences.push(NOBODY_TO_ASK);
  return sentences.join('. ');
}

function isAnswerMissing({ failure }: ConnectError): boolean {
  return failure === 'host-key-unknown' || failure === 'authentication' || failure === 'cancelled';
}
