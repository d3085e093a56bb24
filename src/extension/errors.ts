import * as vscode from 'vscode';
import { fitToShow } from '../base/fitToShow';
import { type Description, describe, type Doing, type Situation } from '../client/describe';
import { Errno, errnoOf } from '../protocol/errno';
import { ConnectError, type ConnectFailure } from '../ssh/connectError';
import { NoRuntimeError } from '../ssh/agent/noRuntime';
import { t } from './l10n';
import { showError } from './show';
import { placeOf } from './uris';

/**
 * The only place that makes editor errors: an errno becomes the kind of FileSystemError the editor acts on, with what
 * happened and what can be done. The editor names the file itself, so the sentence does not.
 */
export function toEditorError(error: unknown, doing: Doing): vscode.FileSystemError {
  if (error instanceof vscode.FileSystemError) return error;
  const message = fitToShow(inWords(error, { doing }).sentence);
  switch (errnoOf(error)) {
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

/** The editor's error for what has a sentence of its own already. */
export function editorErrorOf(sentence: string): vscode.FileSystemError {
  return new vscode.FileSystemError(fitToShow(sentence));
}

/** An error in the editor's language: what happened to what, and what to do. */
export function inWords(error: unknown, situation: Situation = {}): Description {
  const described = describe(error, situation, t);
  if (!(error instanceof NoRuntimeError)) return described;
  const advice = t(
    'Install Node.js there, or set “livemount.reach” to “sftp”, which needs nothing on the host.',
  );
  return { ...described, advice, sentence: `${described.sentence} ${advice}` };
}

/** The sentence alone, about a file. */
export function sentenceAbout(error: unknown, doing: Doing, uri: vscode.Uri): string {
  return inWords(error, { doing, subject: placeOf(uri).path }).sentence;
}

/** Failures whose sentence does not name the host: its frame does. */
const UNREACHABLE: readonly ConnectFailure[] = ['unreachable', 'timeout', 'dropped'];
const UNUSABLE: readonly ConnectFailure[] = ['agent', 'forbidden', 'no-runtime'];

/** Why a host is not connected, and what to do. What a sentence says by itself gets no frame around it. */
export function connectingFailed(error: unknown, host: string): string {
  const { sentence } = inWords(error, { doing: 'connect', subject: host });
  if (!(error instanceof ConnectError)) return sentence;
  if (UNREACHABLE.includes(error.failure)) return t('Livemount can’t reach {0}: {1}', host, sentence);
  return UNUSABLE.includes(error.failure) ? t('Livemount can’t work on {0}: {1}', host, sentence) : sentence;
}

/**
 * A failure, with a button to the log. It is shown and not waited for: a command whose message nobody answers would never
 * end for whoever runs it.
 */
export function tellAndOfferLog(sentence: string, log: { show(): void }): void {
  const showLog = t('Show Log');
  tellFailure(
    (async () => {
      if ((await showError(sentence, showLog)) === showLog) log.show();
    })(),
  );
}

/** For work that nobody waits for: if it fails, that is shown. */
export function tellFailure(work: Promise<unknown>): void {
  work.catch((error: unknown) => showError(inWords(error).sentence));
}
