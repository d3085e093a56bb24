import * as vscode from 'vscode';
import { Errno, ErrnoError, errnoOf } from '../protocol/errno';
import { NoRuntimeError } from '../ssh/agent/noRuntime';

/** What a user can do about an errno that has no kind of its own in the editor. */
const advice: Readonly<Partial<Record<number, string>>> = {
  [Errno.ELOOP]: 'Its symbolic links lead in a circle; remove or correct one of them on the host.',
  [Errno.EFBIG]: 'Files of 2 GB and more can’t be opened in the editor; copy it with scp or rsync.',
  [Errno.ENOSPC]: 'The host’s disk is full. Free some space there and try again; nothing was changed.',
  [Errno.EDQUOT]:
    'Your disk quota on the host is used up. Free some space there and try again; nothing was changed.',
  [Errno.EROFS]: 'That filesystem is mounted read-only on the host.',
  [Errno.ENOTRECOVERABLE]:
    'The host’s disk failed while the file was written, which may hold a part of the new content now. What it held before is kept, and can be restored.',
  [Errno.EREMCHG]: 'The file was changed on the host since you read it; nothing was written.',
  [Errno.ENAMETOOLONG]: 'The name is too long for the host’s filesystem.',
  [Errno.EILSEQ]: 'The name can’t be expressed on the host.',
  [Errno.ENOTEMPTY]: 'The folder is not empty.',
  [Errno.EXDEV]: 'The two places are on different mounts.',
  [Errno.EIO]: 'The host reports an input/output error; its kernel log may say more.',
  [Errno.ETIMEDOUT]: 'The host’s filesystem does not answer; the rest of the window goes on working.',
  [Errno.ESTALE]: 'What was there is gone from the host, or its filesystem was unmounted.',
  [Errno.ENXIO]: 'It is a device, socket or pipe, which the editor can’t open.',
};

/**
 * The only place that makes editor errors: an errno becomes the kind of FileSystemError the editor acts on, with a
 * sentence that says what happened to which path and what can be done.
 */
export function toEditorError(error: unknown, uri: vscode.Uri): vscode.FileSystemError {
  if (error instanceof vscode.FileSystemError) return error;
  const errno = errnoOf(error);
  const message = errorSentence(error, uri);
  switch (errno) {
    case Errno.ENOENT:
    case Errno.ESTALE:
      return vscode.FileSystemError.FileNotFound(message);
    case Errno.EEXIST:
      return vscode.FileSystemError.FileExists(message);
    case Errno.ENOTDIR:
      return vscode.FileSystemError.FileNotADirectory(message);
    case Errno.EISDIR:
      return vscode.FileSystemError.FileIsADirectory(message);
    case Errno.EACCES:
    case Errno.EPERM:
    case Errno.EROFS:
      return vscode.FileSystemError.NoPermissions(message);
    case Errno.ENOTCONN:
    case Errno.ETIMEDOUT:
    case Errno.ECONNREFUSED:
    case Errno.ECONNRESET:
    case Errno.ECONNABORTED:
    case Errno.EHOSTUNREACH:
    case Errno.EHOSTDOWN:
    case Errno.ENETUNREACH:
    case Errno.ECANCELED:
      return vscode.FileSystemError.Unavailable(message);
    default:
      return new vscode.FileSystemError(message);
  }
}

/** An error for people: what, where, and what to do where we know. */
export function errorSentence(error: unknown, uri?: vscode.Uri): string {
  const said = error instanceof Error ? error.message : String(error);
  const sentences = [uri === undefined || said.includes(uri.path) ? said : `${uri.path}: ${said}`];
  const more = advice[errnoOf(error)];
  if (error instanceof ErrnoError && more !== undefined) sentences.push(more);
  if (error instanceof NoRuntimeError) {
    sentences.push(
      'Install Node.js there, or set “livemount.reach” to “sftp”, which needs nothing on the host',
    );
  }
  return sentences.map((sentence) => sentence.replace(/[.\s]*$/, '.')).join(' ');
}

/** For work that nobody waits for: if it fails, that is shown. */
export function tellFailure(work: Promise<unknown>): void {
  work.catch((error) => vscode.window.showErrorMessage(errorSentence(error)));
}
