import { ErrnoError } from './errno';

/** Arguments, or variables, of one process at most: what fits into a frame. */
const STRINGS_MAX = 65_536;
const NUL = Buffer.from([0]);

/** Byte strings, each with a NUL behind it. EINVAL for one that holds a NUL. */
export function encodeStrings(strings: readonly Buffer[]): Buffer {
  if (strings.some((string) => string.includes(0)))
    throw new ErrnoError('EINVAL', 'an argument with a NUL byte');
  return Buffer.concat(strings.flatMap((string) => [string, NUL]));
}

/** Reads `count` strings, which are all of `bytes`. EINVAL where they are not. */
export function decodeStrings(bytes: Buffer, count: number): Buffer[] {
  if (count > STRINGS_MAX) throw new ErrnoError('EINVAL', `${count} strings`);
  const strings: Buffer[] = [];
  let at = 0;
  while (strings.length < count) {
    const end = bytes.indexOf(0, at);
    if (end < 0) throw new ErrnoError('EINVAL', 'fewer strings than were said');
    strings.push(bytes.subarray(at, end));
    at = end + 1;
  }
  if (at !== bytes.length) throw new ErrnoError('EINVAL', 'more strings than were said');
  return strings;
}
