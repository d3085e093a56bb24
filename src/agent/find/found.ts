import type { MatchRecord } from '../../protocol/find';

/** The matches of one file. Paths are below the root of the search, bytes as latin1. */
export interface FoundFile {
  readonly path: string;
  readonly matches: readonly MatchRecord[];
  /** There are more in it. */
  readonly isCut: boolean;
}

/** More matches than anybody looks through in one file: a file that has more is cut, and that is said. */
export const FILE_MATCHES_MAX = 10_000;

/** Why something was not searched. */
export type NoteKind = 'unreadable' | 'silent' | 'endless' | 'large';
export interface FoundNote {
  readonly path: string;
  readonly kind: NoteKind;
}

/** Characters of a line before the match, and in all, that are worth showing. */
const BEFORE = 60;
const WHOLE = 300;

/** The part of a line around a match, cut where no character is halved. */
export function previewOf(
  line: string,
  column: number,
): { readonly preview: string; readonly previewColumn: number } {
  let from = line.length <= WHOLE ? 0 : Math.max(0, column - BEFORE);
  if (isLow(line, from)) from++;
  let to = Math.min(line.length, from + WHOLE);
  if (isLow(line, to)) to--;
  return { preview: line.slice(from, to), previewColumn: from };
}

function isLow(text: string, at: number): boolean {
  const unit = text.charCodeAt(at);
  return at > 0 && unit >= 0xdc00 && unit <= 0xdfff;
}
