import { Glob } from './globs';

/** One line of an ignore file, or one glob of a search. */
interface Rule {
  readonly glob: Glob;
  /** `!pattern`: what it matches is taken after all. */
  readonly negated: boolean;
  readonly foldersOnly: boolean;
}

export type Verdict = 'ignored' | 'taken' | undefined;

/** Lines of one file that count at most; a longer one is data. */
const RULES_MAX = 10_000;

/** The rules of one ignore file, about paths below its folder; the last that matches decides. (gitignore(5)) */
export class Rules {
  private constructor(private readonly rules: readonly Rule[]) {}

  /** @param content as latin1 */
  static of(content: string): Rules {
    const lines = content.replace(/^\u00ef\u00bb\u00bf/, '').split('\n', RULES_MAX);
    return new Rules(lines.flatMap((line) => ruleOf(line.replace(/\r$/, '')) ?? []));
  }

  get isEmpty(): boolean {
    return this.rules.length === 0;
  }

  /** @param path below the folder of the rules */
  verdict(path: string, isFolder: boolean): Verdict {
    for (let at = this.rules.length - 1; at >= 0; at--) {
      const rule = this.rules[at] as Rule;
      if (rule.foldersOnly && !isFolder) continue;
      if (rule.glob.matches(path)) return rule.negated ? 'taken' : 'ignored';
    }
    return undefined;
  }
}

function ruleOf(line: string): Rule | undefined {
  if (line.startsWith('#')) return undefined;
  const trimmed = /\\ $/.test(line) ? line : line.replace(/[ \t]+$/, '');
  const negated = trimmed.startsWith('!');
  return readRule(negated ? trimmed.slice(1) : trimmed.replace(/^\\([!#])/, '$1'), negated);
}

/** A pattern without its `!`: one that holds a slash before its end is about the whole path, else about any name below. */
function readRule(pattern: string, negated: boolean): Rule | undefined {
  const foldersOnly = pattern.endsWith('/') && !pattern.endsWith('\\/');
  let text = foldersOnly ? pattern.slice(0, -1) : pattern;
  const isAnchored = text.includes('/');
  if (text.startsWith('/')) text = text.slice(1);
  if (text === '') return undefined;
  if (!isAnchored && !text.startsWith('**/')) text = `**/${text}`;
  // What is below the folder, not the folder.
  if (text.endsWith('/**')) text = `${text}/*`;
  const glob = Glob.of(text);
  return glob === undefined ? undefined : { glob, negated, foldersOnly };
}

/**
 * The globs of a search, relative to its root: `!glob` leaves out, and if any takes, a file that none takes is left out. They
 * come before hidden names and ignore files.
 */
export class Selection {
  private constructor(
    private readonly rules: readonly Rule[],
    private readonly takesSome: boolean,
  ) {}

  /** The first glob that cannot be read, or the selection. */
  static of(globs: readonly string[]): Selection | { readonly bad: string } {
    const rules: Rule[] = [];
    for (const text of globs) {
      const excludes = text.startsWith('!');
      const rule = readRule(excludes ? text.slice(1) : text, excludes);
      if (rule === undefined) return { bad: text };
      rules.push(rule);
    }
    return new Selection(
      rules,
      rules.some(({ negated }) => !negated),
    );
  }

  verdict(path: string, isFolder: boolean): Verdict {
    for (let at = this.rules.length - 1; at >= 0; at--) {
      const rule = this.rules[at] as Rule;
      if (rule.foldersOnly && !isFolder) continue;
      if (rule.glob.matches(path)) return rule.negated ? 'ignored' : 'taken';
    }
    return this.takesSome && !isFolder ? 'ignored' : undefined;
  }
}

/** Ignore files of a folder, in the order in which they count. */
export const IGNORE_FILES = ['.rgignore', '.ignore', '.gitignore'] as const;
export type IgnoreFile = (typeof IGNORE_FILES)[number];

/** The ignore files of a folder and of those above it, up to the root of the walk. */
export class IgnoreChain {
  constructor(
    private readonly above: IgnoreChain | undefined,
    /** Below the root of the walk; '' is that itself. */
    private readonly folder: string,
    private readonly rules: ReadonlyMap<IgnoreFile, Rules>,
  ) {}

  /** Of each kind of file the deepest that says something decides, and of the kinds the first. */
  verdict(path: string, isFolder: boolean): Verdict {
    for (const kind of IGNORE_FILES) {
      for (let chain: IgnoreChain | undefined = this; chain !== undefined; chain = chain.above) {
        const rules = chain.rules.get(kind);
        if (rules === undefined) continue;
        const verdict = rules.verdict(
          chain.folder === '' ? path : path.slice(chain.folder.length + 1),
          isFolder,
        );
        if (verdict !== undefined) return verdict;
      }
    }
    return undefined;
  }
}
