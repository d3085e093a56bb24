import { readFileSync, writeFileSync } from 'node:fs';

/** Replaces what stands between `<!-- table NAME -->` and `<!-- end -->` of a page. */
export function writeMarked(page: string, name: string, markdown: string): void {
  const text = readFileSync(page, 'utf8');
  const opening = `<!-- table ${name} -->`;
  const from = text.indexOf(opening);
  const to = text.indexOf('<!-- end -->', from);
  if (from < 0 || to < 0) throw new Error(`${page} has no place for the table ${name}`);
  const after = `${text.slice(0, from + opening.length)}\n\n${markdown.trim()}\n\n${text.slice(to)}`;
  writeFileSync(page, after);
}

/** A table in Markdown; all columns but the first are aligned to the right. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const rule = head.map((_cell, index) => (index === 0 ? '---' : '---:'));
  return [line(head), line(rule), ...rows.map(line)].join('\n');
}
