import type { MatchRecord } from '../../protocol/find';
import { FILE_MATCHES_MAX, type FoundFile, previewOf } from './found';
import { expressionOf, looksAround, type TextQuery } from './pattern';

/** What is found in a file's text. */
export type FoundInText = Omit<FoundFile, 'path'>;

/** Finds a query in the content of files: our own engine. */
export class TextSearch {
  private readonly expression: RegExp;
  /** The bytes of a literal: a file without them need not be decoded. */
  private readonly literal: Buffer | undefined;
  private readonly looksAround: boolean;

  /** PatternError for an expression that is none. */
  constructor(
    private readonly query: TextQuery,
    private readonly latin1: boolean,
  ) {
    this.expression = expressionOf(query);
    this.looksAround = looksAround(query);
    const isPlain = !query.isRegex && query.matchCase && !latin1 && !query.pattern.includes('\ufffd');
    this.literal = isPlain ? Buffer.from(query.pattern, 'utf8') : undefined;
  }

  /** The matches in a file's content; undefined for one that is not text. */
  matchesIn(content: Buffer): FoundInText | undefined {
    const encoding = encodingOf(content, this.latin1);
    if (encoding === 'utf8' && this.literal !== undefined && !content.includes(this.literal)) return NOTHING;
    // Text has no NUL; UTF-16 has, until it is decoded.
    if (!encoding.startsWith('utf-16') && content.includes(0)) return undefined;
    const text = decoded(content, encoding);
    if (encoding.startsWith('utf-16') && text.includes('\0')) return undefined;
    return this.query.multiline ? this.acrossLines(text) : this.lineByLine(text);
  }

  private lineByLine(text: string): FoundInText {
    const { expression } = this;
    const found: MatchRecord[] = [];
    if (!this.looksAround) {
      expression.lastIndex = 0;
      if (!expression.test(text)) return NOTHING;
    }
    for (let line = 0, at = 0; at < text.length; line++) {
      const end = text.indexOf('\n', at);
      const whole = text.slice(at, end < 0 ? text.length : end);
      const content = whole.endsWith('\r') ? whole.slice(0, -1) : whole;
      at = end < 0 ? text.length : end + 1;
      expression.lastIndex = 0;
      for (let match = expression.exec(content); match !== null; match = expression.exec(content)) {
        const column = match.index;
        const length = match[0].length;
        if (length === 0) {
          expression.lastIndex++;
          continue;
        }
        if (found.length === FILE_MATCHES_MAX) return { matches: found, isCut: true };
        found.push({
          line,
          column,
          endLine: line,
          endColumn: column + length,
          ...previewOf(content, column),
        });
      }
    }
    return { matches: found, isCut: false };
  }

  private acrossLines(text: string): FoundInText {
    const { expression } = this;
    const found: MatchRecord[] = [];
    let line = 0;
    let lineStart = 0;
    expression.lastIndex = 0;
    for (let match = expression.exec(text); match !== null; match = expression.exec(text)) {
      const { index } = match;
      const length = match[0].length;
      if (length === 0) {
        expression.lastIndex++;
        continue;
      }
      if (found.length === FILE_MATCHES_MAX) return { matches: found, isCut: true };
      for (
        let next = text.indexOf('\n', lineStart);
        next >= 0 && next < index;
        next = text.indexOf('\n', lineStart)
      ) {
        line++;
        lineStart = next + 1;
      }
      const matched = match[0];
      const breaks = matched.split('\n');
      const last = breaks.at(-1) ?? '';
      const lineEnd = text.indexOf('\n', lineStart);
      const first = text.slice(lineStart, lineEnd < 0 ? text.length : lineEnd).replace(/\r$/, '');
      found.push({
        line,
        column: index - lineStart,
        endLine: line + breaks.length - 1,
        endColumn: breaks.length === 1 ? index - lineStart + length : last.length,
        ...previewOf(first, Math.min(index - lineStart, first.length)),
      });
    }
    return { matches: found, isCut: false };
  }
}

const NOTHING: FoundInText = { matches: [], isCut: false };

type Encoding = 'utf8' | 'latin1' | 'utf-16le' | 'utf-16be';

/** By the mark at its beginning; else as is asked for. */
function encodingOf(content: Buffer, latin1: boolean): Encoding {
  if (content[0] === 0xff && content[1] === 0xfe) return 'utf-16le';
  if (content[0] === 0xfe && content[1] === 0xff) return 'utf-16be';
  return latin1 && !hasUtf8Mark(content) ? 'latin1' : 'utf8';
}

function hasUtf8Mark(content: Buffer): boolean {
  return content[0] === 0xef && content[1] === 0xbb && content[2] === 0xbf;
}

function decoded(content: Buffer, encoding: Encoding): string {
  switch (encoding) {
    case 'utf8':
      return content.toString('utf8', hasUtf8Mark(content) ? 3 : 0);
    case 'latin1':
      return new TextDecoder('windows-1252').decode(content);
    default:
      return new TextDecoder(encoding).decode(content);
  }
}
