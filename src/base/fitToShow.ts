/**
 * Text that is not ours, made fit to show: what a host, another program or a file name says must not move a cursor, ring a
 * bell, turn the reading direction of our own words, fill a screen, or become a link that runs a command. Whatever
 * shows, prints or logs such text calls one of these functions at the last moment, on the foreign part or on the whole
 * sentence; calling one twice changes nothing more. The result is for eyes only: it is never a path to open.
 */

/** Room for a sentence with two long paths. */
const LINE_BOUND = 600;
/** What a person reads of an instruction or a failed command before the rest is noise. */
const LINES_BOUND = 4000;
const LINES_MOST = 40;
/** A path of PATH_MAX bytes with a sentence around it is printed whole. */
const TERMINAL_LINE_BOUND = 8192;
const TERMINAL_TEXT_BOUND = 64 * 1024;

/** Line breaks of Unicode: LF, VT, FF, CR, NEL, LS, PS. */
const LINE_BREAK = /\r\n|[\n\v\f\r\u0085\u2028\u2029]/u;
const LINE_BREAKS = /\s*(?:\r\n|[\n\v\f\r\u0085\u2028\u2029])\s*/gu;

/**
 * What changes how the text around it is shown: control characters (C0, DEL, C1), the marks, embeddings, overrides and
 * isolates of bidirectional text, line and paragraph separators, half surrogate pairs, interlinear annotations, and
 * the invisible tag characters. Joiners stay: scripts and emoji need them.
 */
const UNFIT =
  /[\p{Cc}\p{Surrogate}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u206f\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

/** The same but for the line feed. */
const UNFIT_IN_LINES = new RegExp(`(?!\\n)${UNFIT.source}`, 'gu');

/** Of those, what the standard form of JSON leaves as it is and a terminal or a reader would act on. */
const UNFIT_IN_JSON =
  /[\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u206f\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

/** Where a link of a notification (`[text](command:…)`) or an icon of a label (`$(name)`) would begin. */
const LINK_OR_ICON = /([\]$])(?=\()/g;
/** Nothing to see, and no link or icon any more. */
const APART = '$1\u200b';

/**
 * One line for a window: a notification, prompt, label, description or status. Line breaks become spaces, what is unfit
 * becomes U+FFFD, no link and no icon can form, and what is longer than `bound` characters loses its middle.
 */
export function fitToShow(text: string, bound = LINE_BOUND): string {
  const line = cut(text, bound).replace(LINE_BREAKS, ' ').replace(UNFIT, '\ufffd');
  return line.replace(LINK_OR_ICON, APART);
}

/** The same with its line breaks, for where a window shows several lines: instructions, tooltips, details. */
export function fitToShowLines(text: string, bound = LINES_BOUND): string {
  const lines = cut(text, bound).split(LINE_BREAK);
  if (lines.length > LINES_MOST) lines.splice(LINES_MOST, lines.length, '…');
  return lines
    .map((line) => line.replace(/\t/g, '  ').replace(UNFIT, '\ufffd').replace(LINK_OR_ICON, APART))
    .join('\n');
}

/** One line of text as Markdown that shows just that text: no link, picture, HTML, heading, table or bare address. */
export function fitMarkdown(text: string, bound = LINE_BOUND): string {
  return cut(text, bound)
    .replace(LINE_BREAKS, ' ')
    .replace(UNFIT, '\ufffd')
    .replace(/[\\`*_{}[\]()#+!|<>~$&=-]/g, '\\$&')
    .replace(/^(\s*\d+)([.)])/, '$1\\$2')
    .replace(/:(?=\/\/)|\bwww(?=\.)|(?<=\S)@(?=\S)/gi, '$&\u200b');
}

/** One line for a terminal or a log: each character that is unfit, a line break too, becomes `?`. */
export function fitTerminalLine(text: string, bound = TERMINAL_LINE_BOUND): string {
  return cut(text, bound).replace(UNFIT, '?');
}

/** Several lines for a terminal: line feeds stay, also where CR LF stood; a tab becomes two spaces. */
export function fitTerminalText(text: string, bound = TERMINAL_TEXT_BOUND): string {
  return cut(text, bound).replace(/\r\n/g, '\n').replace(/\t/g, '  ').replace(UNFIT_IN_LINES, '?');
}

/** JSON of a value, the same for every parser, in which nothing but printable text stands: the rest is `\u` and four digits. */
export function fitJson(value: unknown, space?: number): string {
  return (JSON.stringify(value, undefined, space) ?? 'null').replace(UNFIT_IN_JSON, (unfit) =>
    unfit.split('').map(escapeUnit).join(''),
  );
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** Cuts the middle out: the beginning says what it is, and the end of a path is its name. */
function cut(text: string, bound: number): string {
  if (text.length <= bound) return text;
  const head = Math.ceil((bound - 1) * 0.6);
  return `${text.slice(0, head)}…${text.slice(text.length - (bound - 1 - head))}`;
}
