import { ErrnoError } from '../../protocol/errno';

/** That many bytes nobody can guess. */
export type Random = (bytes: number) => Buffer;

const MARK = '.livemount-';
const RANDOM_BYTES = 9;
/** Longest name of the filesystems that allow least (ecryptfs: 143 bytes). */
const NAME_SAFE = 143;
/** Tries before a folder full of our names is given up: by chance even one collision is unheard of. */
const TRIES = 8;

/** A hidden name beside `name`: `.NAME.livemount-XXXXXXXXXXXX`, without NAME where that would be too long. */
export function temporaryName(name: Buffer, random: Random, purpose = ''): Buffer {
  const mark = Buffer.from(`${MARK}${purpose}${random(RANDOM_BYTES).toString('base64url')}`);
  if (name.length === 0 || 1 + name.length + mark.length > NAME_SAFE) return mark;
  return Buffer.concat([Buffer.from('.'), name, mark]);
}

const OURS = /(?:^|\/)\.(?:[^/]*\.)?livemount-(?:backup-)?[\w-]{12}(?:\/|$)/;

/**
 * Whether a path (one character a byte) is a temporary one or lies in a tree that has a temporary name: what happens
 * there on the way is nothing a client wants to hear of.
 */
export function isTemporaryPath(path: string): boolean {
  return path.includes(MARK) && OURS.test(path);
}

const OUR_NAME = /^\.(?:.*\.)?livemount-(?:backup-)?[\w-]{12}$/s;

/** Whether a name of one directory is a temporary one: nothing else is ever removed without being asked for. */
export function isTemporaryName(name: Buffer): boolean {
  const text = name.toString('latin1');
  return !text.includes('/') && !text.includes('\0') && OUR_NAME.test(text);
}

/** Makes something under a temporary name, another one where it is taken. */
export async function underTemporaryName<T>(
  name: Buffer,
  random: Random,
  make: (temporary: Buffer) => Promise<T>,
  purpose = '',
): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await make(temporaryName(name, random, purpose));
    } catch (error) {
      if (tries === TRIES || !(error instanceof ErrnoError && error.code === 'EEXIST')) throw error;
    }
  }
}
