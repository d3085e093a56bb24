import { bytesOf } from '../client/tree/names';
import type { Output } from './output';

/** Control characters: on a terminal they could move the cursor, or worse. */
const CONTROL = /\p{Cc}/gu;

/** One line with a name or path in it. A terminal gets `?` for control characters, everybody else the host's own bytes. */
export function nameLine(output: Output, text: string): Uint8Array {
  return output.isTerminal ? Buffer.from(`${text.replace(CONTROL, '?')}\n`) : bytesOf(`${text}\n`);
}

/** The same inside a table: a name never breaks a line. */
export function printable(text: string): string {
  return text.replace(CONTROL, '?');
}

/** Rows as aligned columns; the last column is left as it is. */
export function columns(
  rows: readonly (readonly string[])[],
  right: ReadonlySet<number> = new Set(),
): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.slice(0, -1).forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length);
    });
  }
  return rows.map((row) =>
    row
      .map((cell, i) => {
        if (i === row.length - 1) return cell;
        const width = widths[i] ?? 0;
        return right.has(i) ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  '),
  );
}
