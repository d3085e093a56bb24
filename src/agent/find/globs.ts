/**
 * Globs as ripgrep and git read them, matched in time that grows only with pattern times path: a repository's own
 * ignore files may hold anything. Paths and patterns are bytes, as latin1 text; `/` separates.
 */

type Token =
  | { readonly kind: 'byte'; readonly byte: string }
  | { readonly kind: 'any' }
  | { readonly kind: 'star' }
  | {
      readonly kind: 'class';
      readonly negated: boolean;
      readonly ranges: readonly (readonly [string, string])[];
    };

/** `**`: any number of components. */
const ANY_DEPTH = 'any depth';
type Component = readonly Token[] | typeof ANY_DEPTH;

/** Alternatives that the braces of one glob may stand for; nobody writes more by hand. */
const ALTERNATIVES_MAX = 64;
/** Longer ones are no globs. */
const LENGTH_MAX = 4096;

export class Glob {
  private constructor(private readonly alternatives: readonly (readonly Component[])[]) {}

  /** A glob whose components are matched from the first to the last one of a path. Undefined if it cannot be read. */
  static of(text: string): Glob | undefined {
    if (text.length > LENGTH_MAX) return undefined;
    const expanded = expandBraces(text);
    if (expanded === undefined) return undefined;
    const alternatives: Component[][] = [];
    for (const alternative of expanded) {
      const components: Component[] = [];
      for (const part of splitComponents(alternative)) {
        const component = part === '**' ? ANY_DEPTH : tokensOf(part);
        if (component === undefined) return undefined;
        components.push(component);
      }
      alternatives.push(components);
    }
    return new Glob(alternatives);
  }

  /** @param path relative, without a slash at its beginning or end */
  matches(path: string): boolean {
    const names = path.split('/');
    return this.alternatives.some((components) => matchComponents(components, names));
  }
}

/** Splits at slashes outside of classes. */
function splitComponents(text: string): string[] {
  const parts: string[] = [];
  let part = '';
  let inClass = false;
  for (let at = 0; at < text.length; at++) {
    const char = text[at] as string;
    if (char === '\\' && at + 1 < text.length) part += char + (text[++at] as string);
    else if (char === '/' && !inClass) {
      parts.push(part);
      part = '';
    } else {
      if (char === '[' && !inClass && text.indexOf(']', at + 2) >= 0) inClass = true;
      else if (char === ']' && inClass && !/\[[!^]?$/.test(part)) inClass = false;
      part += char;
    }
  }
  return [...parts, part];
}

function expandBraces(text: string): string[] | undefined {
  const open = indexOutside(text, '{', 0);
  if (open < 0) return indexOutside(text, '}', 0) < 0 ? [text] : undefined;
  let depth = 0;
  const cuts = [open];
  let close = -1;
  for (let at = open; at < text.length; at++) {
    const char = text[at];
    if (char === '\\') at++;
    else if (char === '{') depth++;
    else if (char === ',' && depth === 1) cuts.push(at);
    else if (char === '}' && --depth === 0) {
      close = at;
      break;
    }
  }
  if (close < 0) return undefined;
  const expanded: string[] = [];
  for (const [index, cut] of cuts.entries()) {
    const middle = text.slice(cut + 1, cuts[index + 1] ?? close);
    const rest = expandBraces(text.slice(0, open) + middle + text.slice(close + 1));
    if (rest === undefined || expanded.length + rest.length > ALTERNATIVES_MAX) return undefined;
    expanded.push(...rest);
  }
  return expanded;
}

/** The first place of a character that is not escaped and not in a class. */
function indexOutside(text: string, wanted: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    const char = text[at];
    if (char === '\\') at++;
    else if (char === wanted) return at;
    else if (char === '[') {
      const end = text.indexOf(']', at + (/[!^]/.test(text[at + 1] ?? '') ? 3 : 2));
      if (end > 0) at = end;
    }
  }
  return -1;
}

function tokensOf(part: string): Token[] | undefined {
  const tokens: Token[] = [];
  for (let at = 0; at < part.length; at++) {
    const char = part[at] as string;
    if (char === '\\') {
      if (at + 1 === part.length) return undefined;
      tokens.push({ kind: 'byte', byte: part[++at] as string });
    } else if (char === '*') {
      if (tokens.at(-1)?.kind !== 'star') tokens.push({ kind: 'star' });
    } else if (char === '?') {
      tokens.push({ kind: 'any' });
    } else if (char === '[') {
      const read = classAt(part, at);
      if (read === undefined) return undefined;
      tokens.push(read.token);
      at = read.end;
    } else {
      tokens.push({ kind: 'byte', byte: char });
    }
  }
  return tokens;
}

function classAt(part: string, open: number): { readonly token: Token; readonly end: number } | undefined {
  let at = open + 1;
  const negated = part[at] === '!' || part[at] === '^';
  if (negated) at++;
  const ranges: [string, string][] = [];
  for (let first = true; at < part.length; first = false) {
    const char = part[at] as string;
    if (char === ']' && !first) return { token: { kind: 'class', negated, ranges }, end: at };
    if (part[at + 1] === '-' && part[at + 2] !== undefined && part[at + 2] !== ']') {
      const last = part[at + 2] as string;
      if (last < char) return undefined;
      ranges.push([char, last]);
      at += 3;
    } else {
      ranges.push([char, char]);
      at++;
    }
  }
  return undefined;
}

/** The last star met can take one more, and no earlier one has to: so it is enough to go back to that one. */
function matchComponents(components: readonly Component[], names: readonly string[]): boolean {
  let at = 0;
  let name = 0;
  let star = -1;
  let afterStar = 0;
  while (name < names.length) {
    const component = components[at];
    if (component === ANY_DEPTH) {
      star = at++;
      afterStar = name;
    } else if (component !== undefined && matchName(component, names[name] as string)) {
      at++;
      name++;
    } else if (star >= 0) {
      at = star + 1;
      name = ++afterStar;
    } else {
      return false;
    }
  }
  while (components[at] === ANY_DEPTH) at++;
  return at === components.length;
}

function matchName(tokens: readonly Token[], name: string): boolean {
  let at = 0;
  let index = 0;
  let star = -1;
  let afterStar = 0;
  while (index < name.length) {
    const token = tokens[at];
    if (token?.kind === 'star') {
      star = at++;
      afterStar = index;
    } else if (token !== undefined && fits(token, name[index] as string)) {
      at++;
      index++;
    } else if (star >= 0) {
      at = star + 1;
      index = ++afterStar;
    } else {
      return false;
    }
  }
  while (tokens[at]?.kind === 'star') at++;
  return at === tokens.length;
}

function fits(token: Token, byte: string): boolean {
  switch (token.kind) {
    case 'byte':
      return token.byte === byte;
    case 'any':
      return true;
    case 'class':
      return token.ranges.some(([from, to]) => byte >= from && byte <= to) !== token.negated;
    case 'star':
      return false;
  }
}

/** The bytes of a text, as this file's latin1. */
export function bytesText(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
