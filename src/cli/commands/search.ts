import { fitJson } from '../../base/fitToShow';
import {
  type FoundInFile,
  type NotSearched,
  PatternRefused,
  type SearchEnd,
  type TextMatch,
} from '../../client/find/search';
import type { FindQuery } from '../../protocol/find';
import { type Context, withHost } from '../context';
import { Failure } from '../errors';
import { parseLocation } from '../location';
import { nameLine, printable } from '../text';
import { UsageError } from '../usageError';
import { type Command, ExitCode } from './types';

/** As many as the host sends. */
const RESULTS_DEFAULT = 1_000_000;

export const search: Command = {
  summary: 'search in the files of a folder, on the host',
  operands: [{ word: 'PATTERN' }, { word: 'HOST:PATH' }],
  options: [
    'regex',
    'ignore-case',
    'word',
    'fixed',
    'multiline',
    'glob',
    'hidden',
    'no-ignore',
    'latin1',
    'max',
    'json',
  ],
  letters: { regex: 'E', 'ignore-case': 'i', word: 'w', fixed: 'F', multiline: 'U', glob: 'g', max: 'm' },
  notes: [
    'PATTERN is a regular expression as in JavaScript, or with -F text. The host’s ripgrep searches, or the agent itself, with the same result. Hidden files, binary files and what .gitignore and .ignore name are left out.',
    'Each line is PATH:LINE:COLUMN:TEXT, the path below the folder, numbers from 1. With --json it is an object with the keys path, line, column, endLine, endColumn, preview and previewColumn, numbers from 0 and columns in UTF-16 units.',
    'Exit status as grep’s: 0 something was found, 1 nothing, 2 something went wrong.',
  ],
  run(context, [pattern = '', place = '']) {
    const { flags } = context;
    const location = parseLocation(place);
    const results = parseMax(flags.max) ?? RESULTS_DEFAULT;
    const query: FindQuery = {
      ...queryOf(context),
      pattern,
      isRegex: flags.fixed !== true,
      matchCase: flags['ignore-case'] !== true,
      wholeWord: flags.word === true,
      multiline: flags.multiline === true || (flags.fixed !== true && /\\n/.test(pattern)),
      results,
    };
    return withGrepStatus(context, () =>
      withHost(context, location, async (vfs, path) => {
        const output = new Lines(context, path);
        const end = await vfs.search(path, query, {
          signal: context.signal,
          found: (files) => output.add(files),
          notSearched: (what) => output.notSearched(what),
          restarted: () => output.restarted(),
        });
        await output.finish();
        sayLimits(context, end, results);
        return end.results > 0 ? ExitCode.OK : ExitCode.FAILED;
      }),
    );
  },
};

export const files: Command = {
  summary: 'list the files of a folder, or find those that a query means, best first',
  operands: [{ word: 'HOST:PATH' }, { word: 'QUERY', optional: true }],
  options: ['glob', 'hidden', 'no-ignore', 'max', 'json'],
  letters: { glob: 'g', max: 'm' },
  notes: [
    'QUERY is matched as in “Go to File”: its letters in their order, best at the beginnings of words and in the base name. Without it all files are listed, in no order.',
    'Exit status as grep’s: 0 something was found, 1 nothing, 2 something went wrong.',
  ],
  run(context, [place = '', pattern = '']) {
    const location = parseLocation(place);
    const ranked = pattern !== '';
    const results = parseMax(context.flags.max) ?? (ranked ? 100 : RESULTS_DEFAULT);
    const query: FindQuery = {
      ...queryOf(context),
      pattern,
      isRegex: false,
      matchCase: false,
      wholeWord: false,
      multiline: false,
      ranked,
      results,
    };
    return withGrepStatus(context, () =>
      withHost(context, location, async (vfs, path) => {
        const output = new Lines(context, path);
        let found: FoundInFile[] = [];
        const listener = {
          signal: context.signal,
          // What is ranked comes at once, and again once the list is made.
          found: (more: readonly FoundInFile[]) => (ranked ? void found.push(...more) : output.add(more)),
          notSearched: (what: NotSearched) => output.notSearched(what),
          restarted: () => (ranked ? void found.splice(0) : output.restarted()),
        };
        let end = await vfs.files(path, query, listener);
        while (end.building && !context.signal.aborted) {
          found = [];
          end = await vfs.files(path, query, listener);
        }
        output.add(found);
        await output.finish();
        sayLimits(context, end, results);
        return end.results > 0 ? ExitCode.OK : ExitCode.FAILED;
      }),
    );
  },
};

function queryOf({
  flags,
}: Context): Pick<FindQuery, 'globs' | 'ignoreFiles' | 'hidden' | 'latin1' | 'ranked'> {
  return {
    globs: flags.glob ?? [],
    ignoreFiles: flags['no-ignore'] !== true,
    hidden: flags.hidden === true,
    latin1: flags.latin1 === true,
    ranked: false,
  };
}

function parseMax(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new UsageError(`--max takes a number, not ${JSON.stringify(text)}`);
  return Number(text);
}

/** What fails is 2, as 1 says that nothing was found. */
async function withGrepStatus(context: Context, work: () => Promise<ExitCode>): Promise<ExitCode> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof UsageError || context.signal.aborted) throw error;
    context.sayFailure(error instanceof PatternRefused ? new Failure(refusalText(error)) : error);
    return ExitCode.USAGE;
  }
}

function refusalText({ message, at }: PatternRefused): string {
  return at === undefined ? message : `${message}, at character ${at + 1} of the pattern`;
}

function sayLimits(context: Context, { limited, outOfTime }: SearchEnd, results: number): void {
  if (limited)
    context.say(`there is more than the ${results} results that were asked for, or than the host sends`);
  if (outOfTime) context.say('it took too long and was ended; search a smaller folder');
}

const WHY: Readonly<Record<NotSearched['why'], string>> = {
  unreadable: 'not searched, your user on the host has no permission, or it is gone',
  silent: 'not searched, its filesystem does not answer',
  endless: 'not searched, the expression does not come to an end in it',
  large: 'not searched, it is too large',
};

/** What is found, written as fast as the reader takes it. */
class Lines {
  private writing: Promise<void> = Promise.resolve();
  private failure: unknown;

  constructor(
    private readonly context: Context,
    private readonly root: string,
  ) {}

  add(found: readonly FoundInFile[]): void {
    this.writing = this.writing
      .then(() => this.write(found))
      .catch((error: unknown) => {
        this.failure ??= error;
      });
  }

  notSearched({ path, why }: NotSearched): void {
    this.context.say(`${path}: ${WHY[why]}`);
  }

  restarted(): void {
    this.context.say('the connection dropped; what was found is told again from the beginning');
  }

  async finish(): Promise<void> {
    await this.writing;
    if (this.failure !== undefined) throw this.failure;
  }

  private async write(found: readonly FoundInFile[]): Promise<void> {
    const { stdout, colours, flags } = this.context;
    for (const { path, matches, score } of found) {
      const below = this.root === '/' ? path.slice(1) : path.slice(this.root.length + 1);
      if (matches.length === 0) {
        if (flags.json) await stdout.write(`${fitJson(score === 0 ? { path } : { path, score })}\n`);
        else await stdout.write(nameLine(stdout, below));
      }
      for (const match of matches) {
        if (flags.json) await stdout.write(`${fitJson({ path, ...match })}\n`);
        else if (stdout.isTerminal) await stdout.write(`${painted(below, match, colours)}\n`);
        else await stdout.write(nameLine(stdout, lineOf(below, match)));
      }
    }
  }
}

function place({ line, column }: TextMatch): string {
  return `:${line + 1}:${column + 1}:`;
}

function lineOf(below: string, match: TextMatch): string {
  return `${below}${place(match)}${match.preview}`;
}

function painted(below: string, match: TextMatch, colours: Context['colours']): string {
  const { preview, column, endColumn, line, endLine, previewColumn } = match;
  const from = Math.max(0, column - previewColumn);
  const to = line === endLine ? endColumn - previewColumn : preview.length;
  return [
    colours.place(printable(below)),
    colours.faint(place(match)),
    printable(preview.slice(0, from)),
    colours.match(printable(preview.slice(from, to))),
    printable(preview.slice(to)),
  ].join('');
}
