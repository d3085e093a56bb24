/** One line of ssh_config(5): its keyword in lower case and its arguments. */
export interface ConfigLine {
  readonly keyword: string;
  readonly args: readonly string[];
  /** All behind the keyword as it stands there, for keywords that take a command. */
  readonly raw: string;
}

/** Keywords whose value is a command or text up to the end of the line. */
const RAW_VALUE = new Set(['proxycommand', 'localcommand', 'remotecommand', 'knownhostscommand']);

/** Splits the text of a configuration file; comments and empty lines are left out. */
export function parseConfig(text: string): ConfigLine[] {
  return text.split(/\r?\n/).flatMap((line) => {
    const match = /^\s*([^\s=#"]+)\s*(?:=\s*|\s+|$)(.*)$/.exec(line);
    if (match === null) return [];
    const keyword = (match[1] ?? '').toLowerCase();
    const raw = (match[2] ?? '').trimEnd();
    return [{ keyword, raw, args: RAW_VALUE.has(keyword) ? [raw] : splitArguments(raw) }];
  });
}

/** Words, of which one in double or single quotes may hold spaces; a `#` at the start of a word begins a comment. */
function splitArguments(text: string): string[] {
  const words: string[] = [];
  const pattern = /\s*(?:(#.*)|((?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\])+)|(["'\\]))/gy;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    if (match[1] !== undefined) break;
    const word = match[2] ?? match[3] ?? '';
    words.push(
      word.replace(
        /"((?:\\.|[^"\\])*)"|'([^']*)'|\\(["'\\ ])/g,
        (_whole, double, single, escaped) => escaped ?? single ?? String(double).replace(/\\(["\\])/g, '$1'),
      ),
    );
  }
  return words;
}
