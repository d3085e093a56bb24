import { readdirSync } from 'node:fs';

/**
 * Paths that match an absolute pattern with `*`, `?` and `[...]` in its components, sorted, as glob(7) gives them. A
 * backslash takes the meaning from the character behind it.
 */
export function globFiles(pattern: string): string[] {
  // Before the first slash stands nothing, or the drive of Windows.
  const [root = '', ...components] = pattern.split('/');
  let found = [root];
  for (const component of components) {
    found = found.flatMap((folder) => {
      if (!/[*?[]/.test(component)) return [`${folder}/${component.replace(/\\(.)/g, '$1')}`];
      const matches = globMatcher(component);
      return namesIn(`${folder}/`)
        .filter((name) => name.startsWith('.') === component.startsWith('.') && matches(name))
        .map((name) => `${folder}/${name}`);
    });
  }
  return found;
}

/** One component of a pattern as a test of names. */
function globMatcher(component: string): (name: string) => boolean {
  let source = '';
  for (let at = 0; at < component.length; at++) {
    const character = component[at] ?? '';
    const set = character === '[' ? bracketAt(component, at) : undefined;
    if (set !== undefined) {
      source += set.source;
      at = set.end;
    } else if (character === '*') source += '.*';
    else if (character === '?') source += '.';
    else if (character === '\\' && at + 1 < component.length) source += quoted(component[++at] ?? '');
    else source += quoted(character);
  }
  const whole = new RegExp(`^${source}$`, 'su');
  return (name) => whole.test(name);
}

/** Classes of characters by name, as in `[[:digit:]]`; OpenSSH's glob knows those of ASCII. */
const CLASSES: Readonly<Record<string, string>> = {
  alnum: 'A-Za-z0-9',
  alpha: 'A-Za-z',
  blank: ' \\t',
  digit: '0-9',
  lower: 'a-z',
  punct: '!-\\/:-@\\[-`\\{-~',
  space: '\\s',
  upper: 'A-Z',
  xdigit: '0-9A-Fa-f',
};

/** The set that begins with the bracket at `at`, as one of a regular expression; nothing where no bracket closes it. */
function bracketAt(component: string, at: number): { source: string; end: number } | undefined {
  const isNegated = component[at + 1] === '!';
  const first = at + (isNegated ? 2 : 1);
  // A closing bracket that comes first is a member, and one that ends a class does not end the set.
  const [members] = /^\]?(?:\[:[a-z]+:\]|[^\]])*(?=\])/u.exec(component.slice(first)) ?? [];
  if (members === undefined || members === '') return undefined;
  const set = [...members.matchAll(/\[:([a-z]+):\]|(.)-(.)|(.)/gsu)]
    .map(([, name, from, to, one]) => {
      if (name !== undefined) return CLASSES[name] ?? '';
      if (one !== undefined) return member(one);
      // A range that runs backwards holds nothing.
      return from !== undefined && to !== undefined && from <= to ? `${member(from)}-${member(to)}` : '';
    })
    .join('');
  const end = first + members.length;
  if (set === '') return { source: isNegated ? '.' : '(?!)', end };
  return { source: `[${isNegated ? '^' : ''}${set}]`, end };
}

function quoted(character: string): string {
  return character.replace(/[\\^$.*+?()[\]{}|/]/, '\\$&');
}

function member(character: string): string {
  return character.replace(/[\\^$.*+?()[\]{}|/-]/, '\\$&');
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return []; // A pattern without a match is no error.
  }
}
