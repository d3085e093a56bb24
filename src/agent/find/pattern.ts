/**
 * What is searched for. A regular expression is one of JavaScript, as editors have them; for ripgrep it is written anew with
 * the same meaning, and what ripgrep cannot express is left to our own engine.
 */

import { messageOf } from '../../base/errors';

export interface TextQuery {
  readonly pattern: string;
  readonly isRegex: boolean;
  readonly matchCase: boolean;
  readonly wholeWord: boolean;
  /** A match may reach over the ends of lines. */
  readonly multiline: boolean;
}

/** The expression is none. */
export class PatternError extends Error {
  override readonly name = 'PatternError';

  constructor(
    message: string,
    /** Where in the pattern, in UTF-16 units, if that is known. */
    readonly at: number | undefined,
  ) {
    super(message);
  }
}

const WORD = /[A-Za-z0-9_]/;

/** The expression for our own engine. PatternError with the engine's words. */
export function expressionOf(query: TextQuery): RegExp {
  const { pattern, isRegex, matchCase, wholeWord } = query;
  const flags = `gm${matchCase ? '' : 'i'}`;
  const source = isRegex ? pattern : escaped(pattern);
  const whole = !wholeWord ? source : isRegex ? `\\b(?:${source})\\b` : bounded(pattern, source, '\\b');
  if (isRegex) assertExpression(pattern, flags);
  try {
    return new RegExp(whole, `${flags}u`);
  } catch {
    // Escapes of what needs none are refused with "u".
    return new RegExp(whole, flags);
  }
}

function assertExpression(pattern: string, flags: string): void {
  try {
    new RegExp(pattern, `${flags}u`);
  } catch (strict) {
    try {
      new RegExp(pattern, flags);
    } catch {
      const message = messageOf(strict);
      throw new PatternError(message.slice(message.lastIndexOf(': ') + 2), unbalanced(pattern));
    }
  }
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}

/** A literal's ends are ends of words only where it has letters there. */
function bounded(literal: string, source: string, boundary: string): string {
  const at = (char: string | undefined) => (char !== undefined && WORD.test(char) ? boundary : '');
  return `${at(literal[0])}${source}${at(literal.at(-1))}`;
}

/** The first parenthesis or bracket without its other half. */
function unbalanced(pattern: string): number | undefined {
  const open: number[] = [];
  let bracket: number | undefined;
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern[at];
    if (char === '\\') at++;
    else if (bracket !== undefined) {
      if (char === ']') bracket = undefined;
    } else if (char === '[') bracket = at;
    else if (char === '(') open.push(at);
    else if (char === ')' && open.pop() === undefined) return at;
  }
  return bracket ?? open[0];
}

/** Whether a match can be found in a line although the whole text has none: it looks at what is around. */
export function looksAround({ pattern, isRegex }: TextQuery): boolean {
  return isRegex && /\(\?<?[=!]/.test(pattern);
}

const RUST_WORD = '0-9A-Za-z_';
const RUST_SPACE =
  '\\t\\n\\x0B\\x0C\\r \\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}\\x{FEFF}';
const RUST_BOUNDARY = '(?-u:\\b)';

/** The pattern in ripgrep's language, or undefined if it cannot say it. The expression must have been checked before. */
export function ripgrepPattern(query: TextQuery): string | undefined {
  const { pattern, isRegex, wholeWord } = query;
  // Its boundaries of words are of bytes then, and not those of characters beside them.
  if (/[^\0-\x7f]|\\[xup]/i.test(pattern) && (wholeWord || /\\b/i.test(pattern))) return undefined;
  // It takes the CR of a line's end into the match, and what is behind does not fit any more.
  if (isRegex && pattern.includes('$') && (wholeWord || query.multiline)) return undefined;
  // Over several lines it misses a beginning of a line that a boundary of a word stands before.
  if (isRegex && query.multiline && pattern.includes('^') && (wholeWord || /\\b/i.test(pattern)))
    return undefined;
  if (!isRegex) {
    const source = [...pattern].map(rustLiteral).join('');
    return wholeWord ? bounded(pattern, source, RUST_BOUNDARY) : source;
  }
  const source = new RustWriter(pattern).write();
  if (source === undefined) return undefined;
  return wholeWord ? `${RUST_BOUNDARY}(?:${source})${RUST_BOUNDARY}` : source;
}

function rustLiteral(char: string): string {
  return /[A-Za-z0-9_]/.test(char) ? char : `\\x{${(char.codePointAt(0) ?? 0).toString(16)}}`;
}

/** Writes an expression of JavaScript in the syntax of Rust's regex. */
class RustWriter {
  private at = 0;
  private readonly chars: readonly string[];

  constructor(pattern: string) {
    this.chars = [...pattern];
  }

  write(): string | undefined {
    let text = '';
    while (this.at < this.chars.length) {
      const piece = this.piece();
      if (piece === undefined) return undefined;
      text += piece;
    }
    return text;
  }

  private piece(): string | undefined {
    const char = this.chars[this.at++] as string;
    switch (char) {
      case '\\':
        return this.escape(false);
      case '[':
        return this.bracket();
      case '(':
        return this.group();
      case '.':
        return '[^\\n\\r\\x{2028}\\x{2029}]';
      case ')':
      case '|':
      case '*':
      case '+':
      case '?':
      case '^':
      case '$':
        return char;
      case '{': {
        const counts = /^\d+(,\d*)?\}/.exec(this.chars.slice(this.at, this.at + 24).join(''))?.[0];
        if (counts === undefined) return rustLiteral(char);
        this.at += counts.length;
        return `{${counts}`;
      }
      default:
        return rustLiteral(char);
    }
  }

  private group(): string | undefined {
    if (this.chars[this.at] !== '?') return '(?:';
    const rest = this.chars.slice(this.at, this.at + 80).join('');
    const opening = /^\?(?::|<[A-Za-z_$][\w$]*>)/.exec(rest)?.[0];
    // Looking around is beyond it.
    if (opening === undefined) return undefined;
    this.at += opening.length;
    return '(?:';
  }

  private escape(inClass: boolean): string | undefined {
    const char = this.chars[this.at++];
    switch (char) {
      case undefined:
        return undefined;
      case 'd':
        return inClass ? '0-9' : '[0-9]';
      case 'w':
        return inClass ? RUST_WORD : `[${RUST_WORD}]`;
      case 's':
        return inClass ? RUST_SPACE : `[${RUST_SPACE}]`;
      case 'D':
        return '[^0-9]';
      case 'W':
        return `[^${RUST_WORD}]`;
      case 'S':
        return `[^${RUST_SPACE}]`;
      case 'b':
        return inClass ? '\\x08' : RUST_BOUNDARY;
      case 'B':
        return inClass ? undefined : '(?-u:\\B)';
      case 't':
      case 'n':
      case 'r':
        return `\\${char}`;
      case 'f':
        return '\\x0C';
      case 'v':
        return '\\x0B';
      case '0':
        return /\d/.test(this.chars[this.at] ?? '') ? undefined : '\\x00';
      case 'x':
        return this.hex(2);
      case 'u':
        return this.chars[this.at] === '{' ? this.bracedHex() : this.hex(4);
      case 'p':
      case 'P':
        return this.property(char);
      case 'c':
      case 'k':
        return undefined;
      default:
        return /[1-9]/.test(char) ? undefined : rustLiteral(char);
    }
  }

  private hex(digits: number): string | undefined {
    const text = this.chars.slice(this.at, this.at + digits).join('');
    if (text.length !== digits || !/^[0-9a-f]+$/i.test(text) || /^d[89a-f]/i.test(digits === 4 ? text : ''))
      return undefined;
    this.at += digits;
    return `\\x{${text}}`;
  }

  private bracedHex(): string | undefined {
    const text = /^\{([0-9a-f]{1,6})\}/i.exec(this.chars.slice(this.at, this.at + 9).join(''));
    if (text === null) return undefined;
    this.at += text[0].length;
    return `\\x{${text[1]}}`;
  }

  /** Names of properties are the same, but only some of JavaScript's are known there. */
  private property(letter: string): string | undefined {
    const text =
      /^\{(L|Lu|Ll|Lt|Lm|Lo|M|Mn|N|Nd|Nl|No|P|S|Sc|Sm|Z|Zs|Alphabetic|Letter|Number|Punctuation)\}/.exec(
        this.chars.slice(this.at, this.at + 24).join(''),
      );
    if (text === null) return undefined;
    this.at += text[0].length;
    return `\\${letter}${text[0]}`;
  }

  private bracket(): string | undefined {
    let text = '[';
    if (this.chars[this.at] === '^') {
      this.at++;
      text += '^';
    }
    // An empty class is nothing, or anything: rare enough for our own engine.
    if (this.chars[this.at] === ']') return undefined;
    for (;;) {
      const atom = this.atom();
      if (atom === undefined) return undefined;
      if (
        this.chars[this.at] === '-' &&
        this.chars[this.at + 1] !== ']' &&
        this.chars[this.at + 1] !== undefined
      ) {
        this.at++;
        const last = this.atom();
        if (last === undefined || !isSingle(atom) || !isSingle(last)) return undefined;
        text += `${atom}-${last}`;
      } else {
        text += atom;
      }
      if (this.chars[this.at] === ']') {
        this.at++;
        return `${text}]`;
      }
    }
  }

  private atom(): string | undefined {
    const char = this.chars[this.at++];
    if (char === undefined) return undefined;
    return char === '\\' ? this.escape(true) : rustLiteral(char);
  }
}

/** One character, not a set of them. */
function isSingle(atom: string): boolean {
  return /^(?:\w|\\[tnr]|\\x\{[0-9a-f]+\}|\\x[0-9A-F]{2})$/i.test(atom);
}
