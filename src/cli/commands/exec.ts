import { type Disposable, DisposableStore, onDispose } from '../../base/dispose';
import { messageOf } from '../../base/errors';
import type { Processes, RemoteProcess, StartOptions } from '../../client/processes/processes';
import { type Context, withHost } from '../context';
import { Failure } from '../errors';
import type { LocalTerminal } from '../localTerminal';
import { type Location, parseLocation } from '../location';
import { UsageError } from '../usageError';
import type { Command } from './types';

/** Our own failures, as ssh has it: whatever the program on the host ends with is below. */
const OURS = 255;
/** How a shell says that it was a signal: 128 and its number. */
const BY_SIGNAL = 128;

export const exec: Command = {
  summary: 'run a program on the host, in a folder there',
  operands: [{ word: 'HOST:PATH' }, { word: 'COMMAND', many: true }],
  options: ['terminal'],
  notes: [
    'Write -- in front of the command, so that its options are its own: livemount exec HOST:/dir -- make -j8. It is no line for a shell: the words are the program and its arguments as they are, in the environment of a login.',
    'Standard input, output and errors are the program’s; with -t it gets a terminal, with the size of this one. The exit status is the program’s, 128 + N when signal N ended it, and 255 when it could not be run.',
    'It goes on while a lost connection is made again, and nothing of its output is missing then.',
  ],
  run(context, [place = '', ...program]) {
    return runThere(context, parseLocation(place), { program }, context.flags.terminal === true);
  },
};

export const shell: Command = {
  summary: 'open a login shell on the host, in a folder there',
  operands: [{ word: 'HOST:PATH' }],
  options: [],
  notes: ['It goes on while a lost connection is made again.'],
  run(context, [place = '']) {
    if (context.terminal === undefined)
      throw new UsageError('shell needs a terminal; use exec for a command');
    return runThere(context, parseLocation(place), { shell: undefined }, true);
  },
};

async function runThere(
  context: Context,
  location: Location,
  run: StartOptions['run'],
  onTerminal: boolean,
): Promise<number> {
  try {
    return await withHost(context, location, (vfs, cwd) => {
      const terminal = onTerminal ? context.terminal : undefined;
      const { TERM = 'xterm-256color', COLORTERM } = context.env;
      return carryOut(context, vfs.processes, terminal, {
        run,
        cwd,
        ...(onTerminal && {
          terminal: terminal?.size ?? { cols: 80, rows: 24 },
          env: { TERM, ...(COLORTERM !== undefined && { COLORTERM }) },
        }),
      });
    });
  } catch (error) {
    if (error instanceof UsageError || context.signal.aborted) throw error;
    context.sayFailure(error);
    return OURS;
  }
}

async function carryOut(
  context: Context,
  processes: Processes,
  terminal: LocalTerminal | undefined,
  options: StartOptions,
): Promise<number> {
  const process = await processes.start(options);
  const owned = new DisposableStore();
  owned.add(process);
  const abort = () => process.dispose();
  context.signal.addEventListener('abort', abort, { once: true });
  owned.add(onDispose(() => context.signal.removeEventListener('abort', abort)));
  if (terminal !== undefined) owned.add(through(terminal, process));
  try {
    if (context.signal.aborted) abort();
    context.stdin.pipe(process.input);
    owned.add(onDispose(() => void context.stdin.unpipe(process.input)));
    // The reader of our output may have gone: then the program finds nobody to write to, either.
    const output = copy(process.output, (chunk) => context.stdout.write(chunk));
    const errors = copy(process.errors, (chunk) => context.stderr.write(chunk));
    const [{ code, signal }] = await Promise.all([process.ended, output, errors]);
    return signal === 0 ? code : BY_SIGNAL + signal;
  } catch (error) {
    throw new Failure(`the program on the host is lost: ${messageOf(error)}`, {
      cause: error,
    });
  } finally {
    owned.dispose();
  }
}

async function copy(from: RemoteProcess['output'], write: (chunk: Buffer) => Promise<void>): Promise<void> {
  for await (const chunk of from as AsyncIterable<Buffer>) await write(chunk);
}

/** Keys go to the program as they are, and it hears of this terminal's size. */
function through(terminal: LocalTerminal, process: RemoteProcess): Disposable {
  const owned = new DisposableStore();
  owned.add(terminal.onResize(() => process.resize(terminal.size)));
  owned.add(terminal.raw());
  return owned;
}
