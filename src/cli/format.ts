import type { Stat } from '../client/vfs';
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, S_IFSOCK } from '../protocol/fuse';
import type { Version } from '../protocol/livemount';
import { UsageError } from './usageError';

const typeLetters = new Map<number, string>([
  [S_IFREG, '-'],
  [S_IFDIR, 'd'],
  [S_IFLNK, 'l'],
  [S_IFCHR, 'c'],
  [S_IFBLK, 'b'],
  [S_IFIFO, 'p'],
  [S_IFSOCK, 's'],
]);

/** A mode as `ls -l` shows it: `drwxr-xr-x`. */
export function modeLetters(mode: number): string {
  const triplet = (shift: number, special: number, letter: string) => {
    const bits = mode >> shift;
    const executable = (bits & 1) !== 0;
    const isSpecial = (mode & special) !== 0;
    const last = isSpecial ? (executable ? letter : letter.toUpperCase()) : executable ? 'x' : '-';
    return `${bits & 4 ? 'r' : '-'}${bits & 2 ? 'w' : '-'}${last}`;
  };
  return `${typeLetters.get(mode & S_IFMT) ?? '?'}${triplet(6, 0o4000, 's')}${triplet(3, 0o2000, 's')}${triplet(0, 0o1000, 't')}`;
}

const NS_PER_MS = 1_000_000n;
/** What a Date can express. */
const DATE_LIMIT_MS = 8_640_000_000_000_000n;

/** A time of the host in the time zone of this machine, to the second. */
export function timeText(ns: bigint): string {
  const ms = ns / NS_PER_MS;
  if (ms > DATE_LIMIT_MS || ms < -DATE_LIMIT_MS) return `${ns} ns`;
  const date = new Date(Number(ms));
  const day = [date.getFullYear(), date.getMonth() + 1, date.getDate()].map(twoDigits).join('-');
  return `${day} ${clockText(ns)}`;
}

/** The time of day alone. */
export function clockText(ns: bigint): string {
  const date = new Date(Number(ns / NS_PER_MS));
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(twoDigits).join(':');
}

function twoDigits(value: number): string {
  return `${value}`.padStart(2, '0');
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'] as const;

/** A number of bytes as people say it, with two or three digits that count: `812 B`, `1.5 MB`. Powers of 1,000. */
export function sizeText(bytes: bigint): string {
  let value = Number(bytes);
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 9.95 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}

/** Seconds as `0:07` or `1:02:03`. */
export function durationText(seconds: number): string {
  const whole = Math.min(Math.ceil(seconds), 359_999);
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const shown = parts[0] === 0 ? parts.slice(1) : parts;
  return shown.map((part, index) => (index === 0 ? `${part}` : twoDigits(part))).join(':');
}

/** A time of the host as JSON has it: milliseconds since the epoch, to the microsecond. */
export function timeMs(ns: bigint): number {
  return Number(ns / 1000n) / 1000;
}

/** What kind of thing it is, in one word. */
export function kindText(stat: Stat): string {
  switch (stat.mode & S_IFMT) {
    case S_IFREG:
      return 'file';
    case S_IFDIR:
      return 'directory';
    case S_IFLNK:
      return 'link';
    case S_IFCHR:
    case S_IFBLK:
      return 'device';
    case S_IFIFO:
      return 'pipe';
    case S_IFSOCK:
      return 'socket';
    default:
      return 'unknown';
  }
}

/** A version as one word: inode, size, mtime and ctime. */
export function versionText({ ino, size, mtime_ns, ctime_ns }: Version): string {
  return [ino, size, mtime_ns, ctime_ns].join(':');
}

/** Reads what versionText wrote, or "any". UsageError for anything else. */
export function parseVersion(text: string): Version | 'any' {
  if (text === 'any') return 'any';
  const match = /^(\d{1,20}):(\d{1,20}):(-?\d{1,20}):(-?\d{1,20})$/.exec(text);
  if (match === null) {
    throw new UsageError(
      `${JSON.stringify(text)} is no version: copy it from the output of \`livemount stat\``,
    );
  }
  const [ino, size, mtime_ns, ctime_ns] = match.slice(1).map((digits) => BigInt(digits)) as [
    bigint,
    bigint,
    bigint,
    bigint,
  ];
  return { ino, size, mtime_ns, ctime_ns };
}
