import { ErrnoError } from '../../protocol/errno';
import type { Random } from './options';

const MARK = '.livemount-';
const RANDOM_BYTES = 6;
/** Longest name of the filesystems that allow least (ecryptfs: 143 bytes). */
const NAME_SAFE = 143;
/** Tries before a folder full of our names is given up: by chance even one collision is unheard of. */
const TRIES = 8;

/** A hidden name beside `name`: `.NAME.livemount-XXXXXXXX`, without NAME where that would be too long. */
export function temporaryName(name: Buffer, random: Random, purpose = ''): Buffer {
  const mark = Buffer.from(`${MARK}${purpose}${random(RANDOM_BYTES).toString('base64url')}`);
  if (name.length === 0 || 1 + name.length + mark.length > NAME_SAFE) return mark;
  return Buffer.concat([Buffer.from('.'), name, mark]);
}

/** Whether a name is one of ours: watches do not tell of them. */
export function isTemporaryName(name: Buffer): boolean {
  return name[0] === 0x2e && name.includes(MARK);
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
