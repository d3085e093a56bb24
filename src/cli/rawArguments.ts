import { readFileSync } from 'node:fs';
import { textOf } from '../protocol/names';
import { UsageError } from './usageError';

/** What Node puts for bytes that are no UTF-8. */
const REPLACEMENT = '\ufffd';

/**
 * The arguments behind the program's name, in the reversible text form of names: Node decodes them and loses what is no
 * UTF-8, so that a name that `ls` printed would mean another file. Where the kernel does not tell the bytes,
 * an argument that may have lost some is refused.
 *
 * @param argv as Node gives it, with the runtime and the program first
 */
export function rawArguments(argv: readonly string[], readCommandLine = commandLineBytes): readonly string[] {
  const decoded = argv.slice(2);
  if (!decoded.some((argument) => argument.includes(REPLACEMENT) || isEscapable(argument))) return decoded;
  const raw = readCommandLine();
  // Each argument ends with a NUL; the runtime's own options stand before the program.
  const parts = raw === undefined ? [] : split(raw).slice(-decoded.length);
  const fits =
    parts.length === decoded.length && parts.every((part, index) => part.toString('utf8') === decoded[index]);
  if (fits) return parts.map(textOf);
  if (!decoded.some((argument) => argument.includes(REPLACEMENT)))
    return decoded.map((argument) => textOf(Buffer.from(argument)));
  throw new UsageError('a name that is no UTF-8 cannot be given on the command line of this system');
}

/** Genuine characters of the range that stands for single bytes are escaped themselves. */
function isEscapable(argument: string): boolean {
  return /[\u{10FE80}-\u{10FEFF}]/u.test(argument);
}

function split(raw: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0; at < raw.length; ) {
    const end = raw.indexOf(0, at);
    parts.push(raw.subarray(at, end < 0 ? raw.length : end));
    at = end < 0 ? raw.length : end + 1;
  }
  return parts;
}

/** What proc(5) has of this process; nothing on systems without it. */
function commandLineBytes(): Buffer | undefined {
  try {
    return readFileSync('/proc/self/cmdline');
  } catch {
    return undefined;
  }
}
