import { bytesOf } from '../../protocol/names';

/** Lines that differ, counted from 1. A count of 0 stands behind the line `start`, as in a unified diff. */
export interface LineChange {
  readonly originalStart: number;
  readonly originalCount: number;
  readonly modifiedStart: number;
  readonly modifiedCount: number;
}

/** Lines with their terminators, so that a missing last one and CR LF survive. */
export function linesOf(content: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  let start = 0;
  for (let end = content.indexOf(10); end !== -1; end = content.indexOf(10, start)) {
    lines.push(content.subarray(start, end + 1));
    start = end + 1;
  }
  if (start < content.length) lines.push(content.subarray(start));
  return lines;
}

/** The changes of the hunks of one file's `git diff -U0`. */
export function changesOf(diff: Buffer): LineChange[] {
  const changes: LineChange[] = [];
  for (const match of diff.toString('latin1').matchAll(/^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/gm)) {
    const [, a = '0', b = '1', c = '0', d = '1'] = match;
    changes.push({
      originalStart: Number(a),
      originalCount: Number(b),
      modifiedStart: Number(c),
      modifiedCount: Number(d),
    });
  }
  return changes;
}

/**
 * The part of the changes that a selection of modified lines (from 1, both included) takes. Of a replacement with as many
 * lines as before just the selected pairs; of another one all old lines, with the selected new ones. A pure deletion
 * is taken when the selection touches the line before or behind it.
 */
export function selectedChanges(changes: readonly LineChange[], first: number, last: number): LineChange[] {
  return changes.flatMap((change): LineChange[] => {
    const { originalStart, originalCount, modifiedStart, modifiedCount } = change;
    if (modifiedCount === 0) return first <= modifiedStart + 1 && last >= modifiedStart ? [change] : [];
    const from = Math.max(first, modifiedStart);
    const to = Math.min(last, modifiedStart + modifiedCount - 1);
    if (from > to) return [];
    const selected = { modifiedStart: from, modifiedCount: to - from + 1 };
    if (originalCount !== modifiedCount) return [{ originalStart, originalCount, ...selected }];
    return [
      { originalStart: originalStart + (from - modifiedStart), originalCount: to - from + 1, ...selected },
    ];
  });
}

/**
 * A patch for `git apply --unidiff-zero` that makes just these changes to the original. With `reverse`, one that takes
 * them back from the modified content.
 * @param path relative to the work tree's root, in the text form of tree/names.ts
 */
export function patchFor(
  path: string,
  original: Buffer,
  modified: Buffer,
  changes: readonly LineChange[],
  { reverse = false }: { readonly reverse?: boolean } = {},
): Buffer {
  const before = linesOf(original);
  const after = linesOf(modified);
  const parts: Buffer[] = [header(path)];
  /** By how much earlier hunks moved the lines of the other side. */
  let shift = 0;
  for (const change of [...changes].sort((a, b) => a.originalStart - b.originalStart)) {
    const { originalStart, originalCount, modifiedStart, modifiedCount } = change;
    const removed = slice(before, originalStart, originalCount);
    const added = slice(after, modifiedStart, modifiedCount);
    const [from, to] = reverse ? [added, removed] : [removed, added];
    const base = reverse ? modifiedStart : originalStart;
    // A side without lines names the line before it (unified format).
    const target = from.length === 0 ? base + 1 : to.length === 0 ? base - 1 : base;
    parts.push(Buffer.from(`@@ -${base},${from.length} +${target + shift},${to.length} @@\n`));
    for (const line of from) parts.push(marked('-', line));
    for (const line of to) parts.push(marked('+', line));
    shift += to.length - from.length;
  }
  return Buffer.concat(parts);
}

function slice(lines: readonly Buffer[], start: number, count: number): readonly Buffer[] {
  return count === 0 ? [] : lines.slice(start - 1, start - 1 + count);
}

function marked(sign: '-' | '+', line: Buffer): Buffer {
  const text = Buffer.concat([Buffer.from(sign), line]);
  return line.at(-1) === 10 ? text : Buffer.concat([text, Buffer.from('\n\\ No newline at end of file\n')]);
}

function header(path: string): Buffer {
  const name = (side: 'a' | 'b') => quoted(Buffer.concat([Buffer.from(`${side}/`), bytesOf(path)]));
  return Buffer.concat([
    Buffer.from('diff --git '),
    name('a'),
    Buffer.from(' '),
    name('b'),
    Buffer.from('\n--- '),
    name('a'),
    Buffer.from('\n+++ '),
    name('b'),
    Buffer.from('\n'),
  ]);
}

/** A path as git quotes it in a patch (core.quotePath): as it is, or in C's escapes between quotes. */
function quoted(bytes: Buffer): Buffer {
  const plain = bytes.every((byte) => byte > 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c);
  if (plain) return bytes;
  let text = '"';
  for (const byte of bytes) {
    if (byte === 0x22 || byte === 0x5c) text += `\\${String.fromCharCode(byte)}`;
    else if (byte >= 0x20 && byte < 0x7f) text += String.fromCharCode(byte);
    else text += `\\${byte.toString(8).padStart(3, '0')}`;
  }
  return Buffer.from(`${text}"`);
}
