import { readFileSync } from 'node:fs';
import type { RemoteTree } from '../../client/remoteTree';
import { type IdList, type Ids, idsByName } from '../../mount/ids';
import { formatTarget } from '../../ssh/config/target';
import { liveMounts } from '../../mount/kernel/liveMounts';
import { MountError } from '../../mount/kernel/mountError';
import { openLiveMount } from '../../mount/liveMount';
import { parsePasswd } from '../accounts';
import { isInBackground, readyInBackground, startInBackground } from '../background';
import type { Context } from '../context';
import { Failure, hostFailure } from '../errors';
import { parseLocation, resolved } from '../location';
import { columns, printable } from '../text';
import { UsageError } from '../usageError';
import { type Command, ExitCode } from './types';

export const mount: Command = {
  summary: 'put a folder of a host into the tree of this machine, for all programs; alone: list such mounts',
  operands: [
    { word: 'HOST:PATH', optional: true },
    { word: 'DIR', optional: true },
  ],
  options: ['foreground', 'read-only', 'timeout', 'uid-map'],
  notes: [
    'Linux only. What changes on the host is told to the programs here that watch the folder (inotify), as on a local disk. Rights are those of your user on the host; only you see the mount. It stays when the command has ended, until `livemount umount`.',
    'While the link is down, programs wait for what is not known here; Ctrl-C ends their wait.',
  ],
  async run(context, [place, directory]) {
    if (place === undefined) return listMounts(context);
    if (directory === undefined) throw new UsageError('mount takes HOST:PATH and DIR, or nothing');
    if (process.platform !== 'linux') throw new Failure('only a Linux machine can mount');
    if (context.flags.foreground !== true && !isInBackground()) {
      parseLocation(place);
      const code = await startInBackground(context.args);
      return code === 0 ? ExitCode.OK : (code as ExitCode);
    }
    return serve(context, place, directory);
  },
};

async function listMounts(context: Context): Promise<ExitCode> {
  const rows = liveMounts().map(({ directory, source }) => [printable(directory), printable(source)]);
  if (rows.length === 0) return ExitCode.OK;
  for (const line of columns([['DIRECTORY', 'SOURCE'], ...rows]))
    await context.stdout.write(`${line.trimEnd()}\n`);
  return ExitCode.OK;
}

/** Mounts, and answers the kernel until the mount is taken away, or the user interrupts. */
async function serve(context: Context, place: string, directory: string): Promise<ExitCode> {
  const { flags, signal } = context;
  const location = parseLocation(place);
  const { target } = location;
  const name = formatTarget(target);
  const timeoutS = secondsOf(flags.timeout);
  const { tree, home } = await context.connectForMount({
    target: name,
    flags,
    signal,
    log: (level, line) => context.log(level, line),
  });
  const states = tree.onStateChange((state, reason) => {
    context.say(`${name}: ${state}${reason === '' ? '' : ` (${reason})`}`);
  });
  let path = location.path;
  try {
    if (location.fromHome) path = resolved(location, await home());
    const mounted = await openLiveMount(tree, {
      path,
      directory,
      source: `${name}:${path}`,
      readOnly: flags['read-only'] === true,
      timeoutS,
      ids: flags['uid-map'] ? await namesHereAndThere(tree) : undefined,
      signal,
      log: (line) => context.say(line),
    });
    if (isInBackground()) readyInBackground();
    else context.log(1, `${name}:${path} is mounted at ${mounted.directory}`);
    const leave = () => void mounted.unmount(true).catch((error) => context.say(String(error)));
    if (signal.aborted) leave();
    signal.addEventListener('abort', leave, { once: true });
    const problem = await mounted.ended;
    signal.removeEventListener('abort', leave);
    if (problem !== undefined) throw new Failure(problem);
    return ExitCode.OK;
  } catch (error) {
    throw error instanceof MountError ? new Failure(error.message) : hostFailure(error, path);
  } finally {
    states.dispose();
    tree.dispose();
  }
}

/** Failure where the host does not tell its users: numbers of another machine would be shown as somebody's here. */
async function namesHereAndThere(tree: RemoteTree): Promise<Ids> {
  const list = (text: string): IdList => new Map(parsePasswd(text).map(({ name, id }) => [name, id]));
  const both = async (path: string) => {
    const there = (await tree.readFile(path)).toString('utf8');
    return { here: list(readFileSync(path, 'utf8')), there: list(there) };
  };
  try {
    return idsByName(await both('/etc/passwd'), await both('/etc/group'));
  } catch (error) {
    throw new Failure('the users and groups of the host cannot be read, so --uid-map has nothing to go by', {
      cause: error,
    });
  }
}

function secondsOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{0,6}$/.test(text))
    throw new UsageError(`--timeout takes a number of seconds, not ${JSON.stringify(text)}`);
  return Number(text);
}
