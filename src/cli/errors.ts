import { asError, messageOf } from '../base/errors';
import { fitTerminalLine } from '../base/fitToShow';
import { describe, detailsOf } from '../client/describe';
import { Errno, ErrnoError, errnoOf } from '../protocol/errno';
import { ConnectError } from '../ssh/connectError';
import { NoRuntimeError } from '../ssh/agent/noRuntime';

/** A failure whose message is already what a person should read. */
export class Failure extends Error {
  override readonly name = 'Failure';
}

/** What to do about it on a command line, where that differs from a window. */
const ADVICE: Readonly<Partial<Record<number, string>>> = {
  [Errno.ENOTEMPTY]: 'rm -r deletes what is in it too',
  [Errno.EREMCHG]: '',
  [Errno.EEXIST]: '',
  [Errno.EXDEV]: 'Use cp, then rm',
  [Errno.ENOTRECOVERABLE]: 'What it held before is kept on the host until it is restored in the editor',
};

/** An error of the host about one path, as a sentence: what it is about, what happened, and what can be done. */
export function hostFailure(error: unknown, path: string): Error {
  if (!(error instanceof ErrnoError) || error instanceof ConnectError) return asError(error);
  return failureAbout(error, path, ADVICE[errnoOf(error)]);
}

/** An error of this machine about one of its files. */
export function localFailure(error: unknown, path: string): Error {
  if (error instanceof Failure || !(error instanceof Error && 'code' in error)) return asError(error);
  return failureAbout(error, path);
}

function failureAbout(error: unknown, path: string, instead?: string): Failure {
  const { reason, advice } = describe(error, { subject: path });
  const next = (instead ?? advice).replace(/\.$/, '');
  return new Failure(`${path}: ${reason}${next === '' ? '' : `. ${next}`}`, { cause: error });
}

const NOBODY_TO_ASK =
  'There is no terminal to ask on: connect once from a terminal (livemount ls, or ssh), or use a key that the SSH agent holds';

/** One line that says what happened, and what to do about it. */
export function errorLine(error: unknown, isInteractive: boolean): string {
  const sentences = [wordsOf(error)];
  if (error instanceof NoRuntimeError) {
    sentences.push('Install Node.js there, or use --reach sftp, which needs nothing on the host');
  }
  if (error instanceof ConnectError && !isInteractive && isAnswerMissing(error))
    sentences.push(NOBODY_TO_ASK);
  return fitTerminalLine(sentences.map((sentence) => sentence.replace(/\.$/, '')).join('. '));
}

function wordsOf(error: unknown): string {
  const text = error instanceof ErrnoError ? describe(error).sentence : messageOf(error);
  return text.trim().replace(/\s*\n\s*/g, ' | ');
}

/** The code and the machine's own words behind a failure, for who asked for them (-v). */
export function errorDetails(error: unknown): string | undefined {
  if (error instanceof Failure) return error.cause === undefined ? undefined : errorDetails(error.cause);
  return error instanceof Error && 'code' in error ? fitTerminalLine(detailsOf(error)) : undefined;
}

function isAnswerMissing({ failure }: ConnectError): boolean {
  return failure === 'host-key-unknown' || failure === 'authentication' || failure === 'cancelled';
}
