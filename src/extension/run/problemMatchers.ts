/**
 * Problem matchers as VS Code's tasks have them (the JSON of `contributes.problemMatchers`), for output that names files
 * of the host: the editor's own would look for them on this machine. No vscode in here.
 */

export type Severity = 'error' | 'warning' | 'info';

/** One line of a pattern: which group of the expression is what. */
export interface Pattern {
  readonly regexp: RegExp;
  readonly kind: 'file' | 'location';
  readonly file?: number;
  readonly location?: number;
  readonly line?: number;
  readonly column?: number;
  readonly endLine?: number;
  readonly endColumn?: number;
  readonly severity?: number;
  readonly code?: number;
  readonly message?: number;
  /** The last line of a pattern matches again and again. */
  readonly loop: boolean;
}

export interface Matcher {
  readonly owner: string;
  readonly source: string | undefined;
  readonly severity: Severity | undefined;
  /** Whether paths are absolute, or relative to a folder: `${cwd}` and below. */
  readonly location: { readonly kind: 'absolute' | 'relative' | 'auto'; readonly base: string | undefined };
  readonly patterns: readonly Pattern[];
  readonly begins: RegExp | undefined;
  readonly ends: RegExp | undefined;
}

/** A problem in a file, lines and columns from 1. */
export interface Problem {
  readonly owner: string;
  readonly source: string | undefined;
  /** As the program printed it. */
  readonly file: string;
  readonly matcher: Matcher;
  readonly severity: Severity;
  readonly message: string;
  readonly code: string | undefined;
  readonly line: number;
  readonly column: number | undefined;
  readonly endLine: number | undefined;
  readonly endColumn: number | undefined;
}

/** What a line of output changes. */
export interface Taken {
  readonly problems: readonly Problem[];
  /** A background task begins another round: what it said before is void. */
  readonly begins: boolean;
  readonly ends: boolean;
}

/** A line longer than this is no message; an expression could take for ever over it. */
const LINE_MAX = 4000;
/** Escape sequences (ECMA-48): CSI, OSC, and those of two characters. */
const ESCAPES = new RegExp(
  [
    '\\u001b\\[[0-?]*[ -/]*[@-~]',
    '\\u001b\\][^\\u0007\\u001b]*(?:\\u0007|\\u001b\\\\)',
    '\\u001b[@-Z\\\\-_]',
  ].join('|'),
  'g',
);

type Found = {
  -readonly [K in keyof Omit<Problem, 'owner' | 'source' | 'matcher'>]?: Problem[K] | undefined;
};

/** Finds problems in output as it comes, line by line, for one matcher. */
class MatcherRun {
  /** Which line of the pattern comes next, and what those before it found. */
  private step = 0;
  private found: Found = {};
  private looping = false;

  constructor(private readonly matcher: Matcher) {}

  take(line: string, into: Problem[]): void {
    const { patterns } = this.matcher;
    for (let tries = 0; tries < 2; tries++) {
      const pattern = patterns[this.step];
      if (pattern === undefined) return;
      const match = pattern.regexp.exec(line);
      if (match !== null) {
        this.matched(pattern, match, into);
        return;
      }
      // A line that does not go on may be the first of another problem.
      if (this.step === 0) return;
      this.reset();
    }
  }

  private matched(pattern: Pattern, match: RegExpExecArray, into: Problem[]): void {
    const found = { ...this.found, ...partsOf(pattern, match) };
    const isLast = this.step === this.matcher.patterns.length - 1;
    if (!isLast) {
      this.found = found;
      this.step++;
      return;
    }
    const problem = this.problem(found, pattern);
    if (problem !== undefined) into.push(problem);
    if (pattern.loop) this.looping = true;
    else this.reset();
  }

  private problem(found: Found, { kind }: Pattern): Problem | undefined {
    const { file, message, line } = found;
    if (file === undefined || message === undefined || (kind === 'location' && line === undefined))
      return undefined;
    return {
      owner: this.matcher.owner,
      source: this.matcher.source,
      matcher: this.matcher,
      file,
      message,
      line: line ?? 1,
      severity: found.severity ?? this.matcher.severity ?? 'error',
      code: found.code,
      column: found.column,
      endLine: found.endLine,
      endColumn: found.endColumn,
    };
  }

  private reset(): void {
    this.step = 0;
    this.found = {};
    this.looping = false;
  }

  get isLooping(): boolean {
    return this.looping;
  }
}

/** Several matchers over the output of one task. */
export class ProblemRun {
  private readonly runs: readonly MatcherRun[];
  private partial = '';

  constructor(private readonly matchers: readonly Matcher[]) {
    this.runs = matchers.map((matcher) => new MatcherRun(matcher));
  }

  /** Takes text as it comes. */
  take(text: string): Taken {
    const lines = `${this.partial}${text}`.split('\n');
    this.partial = (lines.pop() ?? '').slice(-LINE_MAX);
    const problems: Problem[] = [];
    let begins = false;
    let ends = false;
    for (const raw of lines) {
      const line = raw.replace(ESCAPES, '').replace(/\r+$/, '').slice(0, LINE_MAX);
      if (this.matchers.some((matcher) => matcher.begins?.test(line))) {
        begins = true;
        ends = false;
        problems.length = 0;
      }
      if (this.matchers.some((matcher) => matcher.ends?.test(line))) ends = true;
      for (const run of this.runs) run.take(line, problems);
    }
    return { problems, begins, ends };
  }

  /** The output has ended: what stands without a newline is a line as well. */
  end(): Taken {
    return this.partial === '' ? { problems: [], begins: false, ends: false } : this.take('\n');
  }
}

function partsOf(pattern: Pattern, match: RegExpExecArray): Found {
  const group = (index: number | undefined) => (index === undefined ? undefined : match[index]?.trim());
  const number = (index: number | undefined) => {
    const value = Number.parseInt(group(index) ?? '', 10);
    return Number.isNaN(value) ? undefined : value;
  };
  const [fromLocation, column, endLine, endColumn] = (group(pattern.location) ?? '')
    .split(/[,:.-]/)
    .map((part) => Number.parseInt(part, 10));
  const severity = severityOf(group(pattern.severity));
  const found: Found = {
    file: group(pattern.file),
    message: group(pattern.message),
    code: group(pattern.code),
    severity,
    line: number(pattern.line) ?? usable(fromLocation),
    column: number(pattern.column) ?? usable(column),
    endLine: number(pattern.endLine) ?? usable(endLine),
    endColumn: number(pattern.endColumn) ?? usable(endColumn),
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}

function usable(value: number | undefined): number | undefined {
  return value === undefined || Number.isNaN(value) ? undefined : value;
}

function severityOf(text: string | undefined): Severity | undefined {
  if (text === undefined) return undefined;
  const word = text.toLowerCase();
  if (word === 'e' || word.includes('error') || word === 'fatal') return 'error';
  if (word === 'w' || word.includes('warn')) return 'warning';
  if (word === 'i' || word.includes('info') || word === 'note' || word === 'hint') return 'info';
  return undefined;
}

// From JSON ------------------------------------------------------------------------------------------------------------

type Json = Readonly<Record<string, unknown>>;

/** All that can be named `$name`: by extensions' manifests, and our own. What is not well-formed is left out. */
export class MatcherLibrary {
  private readonly patterns = new Map<string, readonly Pattern[]>();
  private readonly matchers = new Map<string, Matcher>();

  /** The `contributes` of one extension. */
  add(contributes: unknown): void {
    if (!isObject(contributes)) return;
    for (const pattern of list(contributes.problemPatterns)) {
      if (!isObject(pattern) || typeof pattern.name !== 'string') continue;
      const read = patternsOf(pattern.patterns ?? pattern, this.patterns);
      if (read !== undefined) this.patterns.set(pattern.name, read);
    }
    for (const matcher of list(contributes.problemMatchers)) {
      const read = this.read(matcher);
      if (read !== undefined && isObject(matcher) && typeof matcher.name === 'string')
        this.matchers.set(matcher.name, read);
    }
  }

  /** Those that a task names, `$name` or written out. */
  find(wanted: unknown): Matcher[] {
    return list(wanted).flatMap((one) => {
      const matcher = typeof one === 'string' ? this.matchers.get(one.replace(/^\$/, '')) : this.read(one);
      return matcher === undefined ? [] : [matcher];
    });
  }

  private read(json: unknown): Matcher | undefined {
    if (!isObject(json)) return undefined;
    const base = typeof json.base === 'string' ? this.matchers.get(json.base.replace(/^\$/, '')) : undefined;
    const patterns = json.pattern === undefined ? base?.patterns : patternsOf(json.pattern, this.patterns);
    if (patterns === undefined || patterns.length === 0) return undefined;
    const background = isObject(json.background)
      ? json.background
      : isObject(json.watching)
        ? json.watching
        : undefined;
    return {
      owner: text(json.owner) ?? base?.owner ?? 'external',
      source: text(json.source) ?? base?.source,
      severity: severityOf(text(json.severity)) ?? base?.severity,
      location: locationOf(json.fileLocation) ?? base?.location ?? { kind: 'auto', base: undefined },
      patterns,
      begins: expression(background?.beginsPattern ?? json.watchedTaskBeginsRegExp) ?? base?.begins,
      ends: expression(background?.endsPattern ?? json.watchedTaskEndsRegExp) ?? base?.ends,
    };
  }
}

function patternsOf(
  json: unknown,
  named: ReadonlyMap<string, readonly Pattern[]>,
): readonly Pattern[] | undefined {
  if (typeof json === 'string') return named.get(json.replace(/^\$/, ''));
  const items = Array.isArray(json) ? json : [json];
  const read = items.map((item) => (isObject(item) ? patternOf(item) : undefined));
  if (read.some((pattern) => pattern === undefined)) return undefined;
  // The first line says what is found, all of them where: a pattern of one line with nothing named is the usual one.
  return read as Pattern[];
}

function patternOf(json: Json): Pattern | undefined {
  const regexp = expression(json.regexp);
  if (regexp === undefined) return undefined;
  const group = (name: string) => (typeof json[name] === 'number' ? { [name]: json[name] as number } : {});
  const names = ['file', 'location', 'line', 'column', 'endLine', 'endColumn', 'severity', 'code', 'message'];
  const groups = Object.assign({}, ...names.map(group)) as Partial<Pattern>;
  const isBare = Object.keys(groups).length === 0;
  return {
    regexp,
    kind: json.kind === 'file' ? 'file' : 'location',
    loop: json.loop === true,
    // The defaults of a pattern that names nothing. (Tasks, "Defining a problem matcher")
    ...(isBare ? { file: 1, line: 2, column: 3, message: 0 } : groups),
  };
}

function expression(json: unknown): RegExp | undefined {
  const source = typeof json === 'string' ? json : isObject(json) ? json.regexp : undefined;
  if (typeof source !== 'string') return undefined;
  try {
    return new RegExp(source);
  } catch {
    return undefined;
  }
}

function locationOf(json: unknown): Matcher['location'] | undefined {
  const [kind, base] = Array.isArray(json) ? json : [json, undefined];
  if (kind === 'absolute') return { kind, base: undefined };
  if (kind === 'relative') return { kind, base: text(base) };
  if (kind === 'autoDetect' || kind === 'auto') return { kind: 'auto', base: text(base) };
  return undefined;
}

function list(json: unknown): readonly unknown[] {
  if (json === undefined || json === null) return [];
  return Array.isArray(json) ? json : [json];
}

function isObject(json: unknown): json is Json {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

function text(json: unknown): string | undefined {
  return typeof json === 'string' ? json : undefined;
}
