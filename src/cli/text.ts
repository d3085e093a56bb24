import { fitTerminalLine } from '../base/fitToShow';
import { bytesOf } from '../protocol/names';
import type { Output } from './output';

/** One line with a name or path in it: fit to show on a terminal; everybody else gets the host's own bytes. */
export function nameLine(output: Output, text: string, before = ''): Uint8Array {
  return output.isTerminal ? Buffer.from(`${before}${printable(text)}\n`) : bytesOf(`${before}${text}\n`);
}

/** The same inside a table or a sentence: a name never breaks a line. */
export function printable(text: string): string {
  return fitTerminalLine(text);
}

/** Columns a text takes on a terminal: wide characters of East Asia and emoji take two, combining ones none. */
export function width(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let columns = 0;
  for (const character of text) {
    if (/[\p{Mn}\p{Me}\p{Cf}]/u.test(character)) continue;
    columns +=
      /[\p{Emoji_Presentation}\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]/u.test(
        character,
      )
        ? 2
        : 1;
  }
  return columns;
}

/** Rows as aligned columns; the last column is left as it is. */
export function columns(
  rows: readonly (readonly string[])[],
  right: ReadonlySet<number> = new Set(),
): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.slice(0, -1).forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, width(cell));
    });
  }
  return rows.map((row) =>
    row
      .map((cell, i) => {
        if (i === row.length - 1) return cell;
        const space = ' '.repeat(Math.max(0, (widths[i] ?? 0) - width(cell)));
        return right.has(i) ? `${space}${cell}` : `${cell}${space}`;
      })
      .join('  '),
  );
}
