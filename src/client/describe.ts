/**
 * Every error in words, once for the editor and the command line: from the errno and what was being done to what
 * happened, what can be done, and the action that does it. The codes, operations and internals of an error go into
 * `details`, for logs and for whoever asks. The texts are templates (`{0}`), so that the editor can translate them.
 */
import { Errno, type ErrnoName, ErrnoError, errnoName, errnoOf } from '../protocol/errno';
import { messageOf } from '../base/errors';

/** What was being done when it failed. */
export type Doing =
  | 'read'
  | 'list'
  | 'look'
  | 'save'
  | 'create'
  | 'delete'
  | 'rename'
  | 'copy'
  | 'watch'
  | 'connect';

/** What a window or a command line can offer to do about it. */
export type Remedy = 'reconnect' | 'saveAsRoot' | 'compare' | 'retry' | 'showLog';

export interface Situation {
  readonly doing?: Doing;
  /** What the trouble is about, as a person calls it: of a copy or a move its target. */
  readonly subject?: string;
  /** The host, where a sentence may name it. */
  readonly host?: string;
}

export interface Description {
  /** What was being done to what, what happened, and what to do: whole sentences. */
  readonly sentence: string;
  /** What happened, without what it happened to: the middle of a sentence, without a full stop. */
  readonly reason: string;
  /** What to do, as a sentence; empty where nobody knows. */
  readonly advice: string;
  readonly remedy: Remedy | undefined;
  /** For logs and behind "Details": the error's code and its own words. Not for people who did not ask. */
  readonly details: string;
}

/** Puts arguments into a template's `{0}`, `{1}`, …; the editor's one translates the template first. */
export type Translate = (template: string, ...args: readonly string[]) => string;

export const english: Translate = (template, ...args) =>
  template.replace(/\{(\d+)\}/g, (whole, index) => args[Number(index)] ?? whole);

interface Entry {
  /** Goes on after "Could not save X: " or "X: ". */
  readonly reason: string;
  readonly advice?: string;
  /** Differs by what was being done. */
  readonly when?: Readonly<Partial<Record<Doing, Partial<Entry>>>>;
  readonly remedy?: Remedy;
}

const LOST: Entry = {
  reason: 'the connection to the host is lost',
  advice: 'It is made again by itself; what waits then goes on.',
  remedy: 'reconnect',
};
const DISK_FULL = 'Free some space there and try again; nothing was changed.';
const OUR_FAULT: Entry = {
  reason: 'the host answered in a way that Livemount does not understand',
  advice: 'The log says more; please report it.',
  remedy: 'showLog',
};
const HOST_FULL: Entry = {
  reason: 'the host has no memory or no open files left for it',
  advice: 'Try again in a moment; if it stays, raise the limits of your user there.',
  remedy: 'retry',
};
const UNREACHABLE: Entry = {
  reason: 'the host cannot be reached',
  advice: 'Check the network, and the address in your SSH configuration.',
  remedy: 'reconnect',
};

/** By errno; complete, so that no code has to stand in for words. */
export const MESSAGES: Readonly<Record<ErrnoName, Entry>> = {
  EPERM: {
    reason: 'the host does not allow it to your user',
    advice: 'Somebody with more rights there has to do it, or change the file’s attributes.',
  },
  ENOENT: {
    reason: 'there is no such file or folder',
    when: {
      save: { reason: 'its folder is not there any more', advice: 'Save it in another place.' },
      create: { reason: 'the folder it would lie in is not there' },
      list: { reason: 'there is no such folder' },
    },
  },
  ESRCH: { reason: 'the program that is meant has ended' },
  EINTR: { reason: 'it was interrupted', advice: 'Try again.', remedy: 'retry' },
  EIO: {
    reason: 'the host’s disk or filesystem reports an error',
    advice: 'The kernel log of the host may say more.',
  },
  ENXIO: { reason: 'it is a device, socket or pipe, which can’t be opened as a file' },
  E2BIG: { reason: 'it is more than the host takes at once' },
  EBADF: { reason: 'it was closed on the host meanwhile', advice: 'Open it again.', remedy: 'retry' },
  EAGAIN: {
    reason: 'it changes faster than it can be read',
    advice: 'Try again when it is quiet.',
    remedy: 'retry',
  },
  ENOMEM: HOST_FULL,
  EACCES: {
    reason: 'your user on the host has no permission',
    when: { save: { advice: '“Save as Root…” writes it if you may use sudo there.', remedy: 'saveAsRoot' } },
  },
  EFAULT: OUR_FAULT,
  EBUSY: {
    reason: 'it is in use, or another filesystem is mounted in it',
    advice: 'Unmount it on the host first.',
  },
  EEXIST: { reason: 'it exists already', advice: 'Choose another name.' },
  EXDEV: {
    reason: 'the two places are on different mounts',
    when: { rename: { advice: 'Copy it, then delete the original.' } },
  },
  ENODEV: { reason: 'the filesystem that held it is gone' },
  ENOTDIR: { reason: 'it is not a folder, or leads through something that is none' },
  EISDIR: { reason: 'it is a folder' },
  EINVAL: { reason: 'the host’s filesystem does not take that' },
  ENFILE: HOST_FULL,
  EMFILE: HOST_FULL,
  ENOTTY: { reason: 'it is not a terminal' },
  ETXTBSY: { reason: 'it is a program that runs right now', advice: 'End the program first.' },
  EFBIG: {
    reason: 'it is too large',
    advice: 'Files of 2 GB and more can’t be opened, and the host may allow less; copy it with scp or rsync.',
  },
  ENOSPC: { reason: 'the host’s disk is full', advice: DISK_FULL },
  ESPIPE: { reason: 'it has no position that could be gone to, as a pipe' },
  EROFS: { reason: 'that filesystem is mounted read-only on the host' },
  EMLINK: { reason: 'it has as many names as the filesystem allows' },
  EPIPE: LOST,
  ERANGE: { reason: 'the answer is larger than there is room for' },
  EDEADLK: { reason: 'it is locked by another program', remedy: 'retry' },
  ENAMETOOLONG: { reason: 'the name is too long for the host’s filesystem', advice: 'Choose a shorter one.' },
  ENOSYS: { reason: 'the host cannot do that' },
  ENOLCK: { reason: 'the host has no lock left for it', advice: 'Try again in a moment.', remedy: 'retry' },
  ENOTEMPTY: { reason: 'the folder is not empty' },
  ELOOP: {
    reason: 'its symbolic links lead in a circle',
    advice: 'Remove or correct one of them on the host.',
  },
  ENODATA: { reason: 'there is nothing of the kind' },
  EPROTO: OUR_FAULT,
  EBADMSG: OUR_FAULT,
  EOVERFLOW: { reason: 'it is larger than the host can express' },
  EREMCHG: {
    reason: 'it was changed on the host since you read it; nothing was written',
    advice: 'Compare the two, or overwrite what is there.',
    remedy: 'compare',
  },
  EILSEQ: { reason: 'the name can’t be expressed on the host', advice: 'Choose another one.' },
  EOPNOTSUPP: { reason: 'the host’s filesystem can’t do that' },
  ENETUNREACH: UNREACHABLE,
  ECONNABORTED: {
    reason: 'the connection was lost in the middle of it; it is not known whether it was done',
    advice: 'Look before you try again.',
    remedy: 'reconnect',
  },
  ECONNRESET: LOST,
  ENOTCONN: { ...LOST, reason: 'the host is not connected' },
  ETIMEDOUT: {
    reason: 'the host’s filesystem does not answer',
    advice: 'Everything else goes on working. Try again when it is back.',
    remedy: 'retry',
    when: { connect: UNREACHABLE },
  },
  ECONNREFUSED: {
    reason: 'nobody answers SSH at that address',
    advice: 'Check that the host is up, and the port in your SSH configuration.',
    remedy: 'reconnect',
  },
  EHOSTDOWN: UNREACHABLE,
  EHOSTUNREACH: UNREACHABLE,
  ESTALE: {
    reason: 'it is gone from the host, was replaced, or its filesystem was unmounted',
    advice: 'Open it again.',
    remedy: 'retry',
  },
  EUCLEAN: {
    reason: 'the filesystem of the host is damaged',
    advice: 'It has to be checked (fsck) by who looks after the host.',
  },
  EDQUOT: { reason: 'your disk quota on the host is used up', advice: DISK_FULL },
  ECANCELED: { reason: 'it was cancelled' },
  ENOTRECOVERABLE: {
    reason: 'the host’s disk failed while it was written, and it may hold a part of the new content now',
    advice: 'What it held before is kept on the host, and can be restored.',
  },
};

/** Beginnings of sentences: `{0}` is what it is about. */
export const ATTEMPTS: Readonly<Record<Doing, string>> = {
  read: 'Could not open {0}',
  list: 'Could not list {0}',
  look: '{0}',
  save: 'Could not save {0}',
  create: 'Could not create {0}',
  delete: 'Could not delete {0}',
  rename: 'Could not move to {0}',
  copy: 'Could not copy to {0}',
  watch: 'Could not watch {0}',
  connect: 'Could not connect to {0}',
};

/** Errors of this machine's own files and programs: Node reports those, never a host. */
export const LOCAL_MESSAGES: Readonly<Partial<Record<ErrnoName, Entry>>> = {
  ENOENT: { reason: 'there is no such file or folder on this machine' },
  EACCES: { reason: 'your user on this machine has no permission' },
  EPERM: { reason: 'this machine does not allow it to your user' },
  EEXIST: { reason: 'it exists already on this machine' },
  ENOSPC: { reason: 'the disk of this machine is full', advice: 'Free some space here and try again.' },
  EDQUOT: {
    reason: 'your disk quota on this machine is used up',
    advice: 'Free some space here and try again.',
  },
  EROFS: { reason: 'that filesystem of this machine is mounted read-only' },
  EISDIR: { reason: 'it is a folder of this machine' },
  ENOTDIR: { reason: 'it is not a folder of this machine' },
  EMFILE: { reason: 'too many files are open on this machine' },
};
export const UNKNOWN_LOCAL_REASON = 'this machine reports an error that Livemount has no words for';

/** For an errno that is not in the table: a kernel newer than it. */
export const UNKNOWN_REASON = 'the host reports an error that Livemount has no words for';

/** An error in words. The parts that come from the host are in it as they are: whoever shows it makes it fit to show. */
export function describe(error: unknown, situation: Situation = {}, translate = english): Description {
  const { doing, subject } = situation;
  const details = detailsOf(error);
  const isSentence = isForConnecting(error);
  const own = ownWords(error, subject);
  const entry = entryOf(error, doing);
  const reason = own ?? translate(entry.reason);
  const advice = isSentence || entry.advice === undefined ? '' : translate(entry.advice);
  // A failed connection is about the host, whatever was wanted there.
  const isAbout = subject !== undefined && !isSentence;
  const head = isAbout ? `${translate(ATTEMPTS[doing ?? 'look'], subject)}: ${reason}` : capital(reason);
  const sentence = [stopped(head), advice].filter((part) => part !== '').join(' ');
  return { sentence, reason, advice, remedy: isSentence ? 'reconnect' : entry.remedy, details };
}

/** What a log says of an error: its code and its own words. */
export function detailsOf(error: unknown): string {
  const message = messageOf(error);
  if (!(error instanceof Error)) return message;
  const code = error instanceof ErrnoError ? error.code : 'code' in error ? String(error.code) : undefined;
  return code === undefined || message.includes(code) ? message : `${message} (${code})`;
}

/** A text that was made from an error's message, without the code at its end. */
export function withoutCode(text: string): string {
  return text.replace(/ \((E[A-Z0-9]+)\)/g, (code, name: string) => (name in Errno ? '' : code));
}

function entryOf(error: unknown, doing: Doing | undefined): Entry {
  const name = codeOf(error);
  if (name === undefined) return { reason: UNKNOWN_REASON };
  if (!(error instanceof ErrnoError)) return LOCAL_MESSAGES[name] ?? { reason: UNKNOWN_LOCAL_REASON };
  const entry = MESSAGES[name];
  return { ...entry, ...(doing && entry.when?.[doing]) };
}

/** The code of an ErrnoError or of a Node system error. */
function codeOf(error: unknown): ErrnoName | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  const name = errnoName(errnoOf(error));
  return name in Errno ? (name as ErrnoName) : undefined;
}

/** Words of the machine room: names of requests, structs and parts. Errors that use them speak to a log. */
const INTERNAL =
  /\b[A-Z]{4,}[A-Z_]*\b|\blm_|\bfuse_|\b(?:compound|inode|superblock|generation|lease|nodeid|errno|channel)s?\b/;
/** A path alone, or the name of a call, says nothing. */
const NO_WORDS = /^(?:\/.*|[A-Z][A-Z_]+)$/s;

/**
 * What an error says besides its code, if that is for people: without the subject, which is named once. An error without
 * a code is somebody's sentence (or a mistake in our program, whose words are all there is).
 */
function ownWords(error: unknown, subject: string | undefined): string | undefined {
  if (isForConnecting(error)) return error.message.replace(` (${error.code})`, '').trim();
  if (!(error instanceof ErrnoError)) return codeOf(error) === undefined ? messageOf(error) : undefined;
  const words = error.message.replace(` (${error.code})`, '').trim();
  if (words === error.code || words === subject || INTERNAL.test(words)) return undefined;
  if (subject !== undefined && words.startsWith(`${subject} `))
    return `it ${words.slice(subject.length + 1)}`;
  return NO_WORDS.test(words) ? undefined : words;
}

/** A ConnectError: a sentence written for people, with what to do. (src/ssh is not this folder's to import.) */
function isForConnecting(error: unknown): error is ErrnoError {
  return error instanceof ErrnoError && 'failure' in error;
}

/** Words that our sentences begin with; the name of a host or a file keeps its first letter. */
const FIRST_WORD =
  /^(?:an?|another|connecting|it|its|logging|no|nobody|nothing|only|saving|somebody|that|the|there|this|too|what|which|your)(?=[ ,’'])/;

function capital(text: string): string {
  return FIRST_WORD.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text;
}

function stopped(sentence: string): string {
  return sentence.replace(/[.\s]*$/, '.');
}
