import { readFileSync } from 'node:fs';

/** The type in the mount table: fuse.livemount. */
export const SUBTYPE = 'livemount';

/** A live mount of this machine, as its mount table shows it. */
export interface LiveMountEntry {
  readonly directory: string;
  /** HOST:/path */
  readonly source: string;
  /** Who mounted it. */
  readonly uid: number | undefined;
  /** The kernel's number of the superblock, as fdinfo shows it: major << 20 | minor. */
  readonly device: number;
  /** major:minor, and the directory as the table writes it. */
  readonly numbers: string;
  readonly escaped: string;
}

/** The live mounts of this mount namespace. (proc(5), mountinfo) */
export function liveMounts(): LiveMountEntry[] {
  const found: LiveMountEntry[] = [];
  for (const line of readFileSync('/proc/self/mountinfo', 'utf8').split('\n')) {
    const words = line.split(' ');
    const dash = words.indexOf('-');
    const [, , numbers = '0:0', , directory = ''] = words;
    if (dash < 0 || words[dash + 1] !== `fuse.${SUBTYPE}`) continue;
    const [major = 0, minor = 0] = numbers.split(':').map(Number);
    found.push({
      directory: plain(directory),
      source: plain(words[dash + 2] ?? ''),
      uid: userOf(words[dash + 3] ?? ''),
      device: (major << 20) | minor,
      numbers,
      escaped: directory,
    });
  }
  return found;
}

/** FUSE names the user among the options of the superblock. */
function userOf(options: string): number | undefined {
  const digits = /(?:^|,)user_id=(\d+)(?:,|$)/.exec(options)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** Blanks and backslashes stand as three octal digits. */
function plain(word: string): string {
  if (!word.includes('\\')) return word;
  const bytes = Buffer.from(word);
  const bare: number[] = [];
  for (let at = 0; at < bytes.length; at++) {
    const octal = bytes[at] === 0x5c ? bytes.toString('latin1', at + 1, at + 4) : '';
    if (/^[0-7]{3}$/.test(octal)) {
      bare.push(Number.parseInt(octal, 8));
      at += 3;
    } else bare.push(bytes[at] as number);
  }
  return Buffer.from(bare).toString();
}
