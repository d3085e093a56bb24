import type { TextMatch } from '../../client/find/search';
import type { Wanted } from './wanted';

/** The text is not any more what was searched. */
export const CHANGED = Symbol('changed');

/** A preview of so many characters may be a part of its line; a shorter one reaches to the end of it. */
const CUT_PREVIEW = 299;

interface Edit {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/**
 * A file's text with the matches of a search replaced, or CHANGED if they are not where they were found. In the replacement of
 * an expression `$1`, `$&`, `$<name>`, `$$`, `\n` and `\t` mean what they do in editors.
 */
export function replaced(
  text: string,
  matches: readonly TextMatch[],
  wanted: Wanted,
  replacement: string,
): string | typeof CHANGED {
  const starts = lineStarts(text);
  const expression = expressionOf(wanted);
  const edits: Edit[] = [];
  for (const match of matches) {
    const edit = editOf(text, starts, match, expression, wanted, replacement);
    if (edit === undefined) return CHANGED;
    edits.push(edit);
  }
  edits.sort((a, b) => a.from - b.from);
  let result = '';
  let at = 0;
  for (const { from, to, text: inserted } of edits) {
    if (from < at) return CHANGED;
    result += text.slice(at, from) + inserted;
    at = to;
  }
  return result + text.slice(at);
}

function editOf(
  text: string,
  starts: readonly number[],
  match: TextMatch,
  expression: RegExp,
  wanted: Wanted,
  replacement: string,
): Edit | undefined {
  const start = starts[match.line];
  const end = starts[match.endLine];
  if (start === undefined || end === undefined) return undefined;
  const from = start + match.column;
  const to = end + match.endColumn;
  const lineEnd = match.line + 1 < starts.length ? (starts[match.line + 1] as number) : text.length;
  const line = text.slice(start, lineEnd).replace(/\r?\n$/, '');
  // What was shown is what is replaced, or nothing.
  if (line.slice(match.previewColumn, match.previewColumn + match.preview.length) !== match.preview)
    return undefined;
  const shownTo = match.previewColumn + match.preview.length;
  if (match.preview.length < CUT_PREVIEW && shownTo !== line.length) return undefined;
  // An expression is looked for in what it was found in: a line, or with line ends the whole text.
  const isLine = match.line === match.endLine;
  const subject = isLine ? line : text;
  expression.lastIndex = isLine ? match.column : from;
  const found = expression.exec(subject);
  if (found === null || found[0].length !== to - from) return undefined;
  return { from, to, text: wanted.isRegex ? expanded(replacement, found) : replacement };
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

/** The same expression that the host has, at one place. */
function expressionOf({ pattern, isRegex, matchCase, wholeWord }: Wanted): RegExp {
  const source = isRegex ? pattern : pattern.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
  const ends = isRegex
    ? ['\\b(?:', ')\\b']
    : [/^\w/.test(pattern) ? '\\b' : '', /\w$/.test(pattern) ? '\\b' : ''];
  const whole = wholeWord ? `${ends[0]}${source}${ends[1]}` : source;
  const flags = `ym${matchCase ? '' : 'i'}`;
  try {
    return new RegExp(whole, `${flags}u`);
  } catch {
    return new RegExp(whole, flags);
  }
}

function expanded(replacement: string, found: RegExpExecArray): string {
  return replacement.replace(
    /\\([nt\\])|\$(\$|&|\d{1,2}|<[^>]*>)/g,
    (whole, control: string | undefined, group: string) => {
      if (control !== undefined) return control === 'n' ? '\n' : control === 't' ? '\t' : '\\';
      if (group === '$') return '$';
      if (group === '&') return found[0];
      if (group.startsWith('<')) return found.groups?.[group.slice(1, -1)] ?? '';
      return Number(group) > 0 && Number(group) < found.length ? (found[Number(group)] ?? '') : whole;
    },
  );
}
