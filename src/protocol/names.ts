import { isUtf8 } from 'node:buffer';
import { ErrnoError } from './errno';

/**
 * File names are bytes on the host and text in the editor. The mapping loses nothing: what is UTF-8 is shown as such,
 * and a byte b >= 0x80 that is not part of a valid sequence becomes the private-use character U+10FE00 + b. A genuine
 * character of that range is itself escaped byte by byte, so that no two names share a text.
 */
const ESCAPE_BASE = 0x10fe00;
const ESCAPE_FIRST = ESCAPE_BASE + 0x80;
const ESCAPE_LAST = ESCAPE_BASE + 0xff;
const ESCAPED = /[\u{10FE80}-\u{10FEFF}]/u;
const LONE_SURROGATE = /\p{Surrogate}/u;

/** The text of a name or path of the host. */
export function textOf(bytes: Buffer): string {
  if (isUtf8(bytes)) {
    const text = bytes.toString('utf8');
    if (!ESCAPED.test(text)) return text;
  }
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceLength(bytes, at);
    const character = length === 0 ? '' : bytes.toString('utf8', at, at + length);
    if (length > 0 && !ESCAPED.test(character)) {
      text += character;
      at += length;
      continue;
    }
    for (const end = at + Math.max(length, 1); at < end; at++) {
      text += String.fromCodePoint(ESCAPE_BASE + (bytes[at] as number));
    }
  }
  return text;
}

/** The bytes a text stands for; EILSEQ for one that holds half a surrogate pair, EINVAL for a NUL. */
export function bytesOf(text: string): Buffer {
  if (text.includes('\0')) throw new ErrnoError('EINVAL', 'a name with a NUL character');
  if (LONE_SURROGATE.test(text)) throw new ErrnoError('EILSEQ', 'a name with half a surrogate pair');
  if (!ESCAPED.test(text)) return Buffer.from(text, 'utf8');
  const parts: Buffer[] = [];
  for (const character of text) {
    const code = character.codePointAt(0) as number;
    const escaped = code >= ESCAPE_FIRST && code <= ESCAPE_LAST;
    parts.push(escaped ? Buffer.of(code - ESCAPE_BASE) : Buffer.from(character, 'utf8'));
  }
  return Buffer.concat(parts);
}

/** Length of the valid UTF-8 sequence that starts at `at`, 0 if there is none (RFC 3629, so no overlong forms). */
function sequenceLength(bytes: Buffer, at: number): number {
  const first = bytes[at] as number;
  const length =
    first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  return length > 0 && at + length <= bytes.length && isUtf8(bytes.subarray(at, at + length)) ? length : 0;
}
