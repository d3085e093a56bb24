import { posix } from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { Progress, Vfs, WriteOptions } from '../../client/vfs';
import { Errno, errnoOf } from '../../protocol/errno';
import type { Version } from '../../protocol/livemount';
import { about, type Context, withHosts } from '../context';
import { Failure } from '../errors';
import { parseVersion, versionText } from '../format';
import { type LocalEntry, localName, localStat, localTree, readLocal } from '../localTree';
import { parseLocation } from '../location';
import { inParallel } from '../parallel';
import { TargetPlace } from '../targets';
import { printable } from '../text';
import { UsageError } from '../usageError';
import { makePath } from './change';
import { type Command, ExitCode } from './types';

export const put: Command = {
  summary: 'save files of this machine, or standard input, on the host',
  operands: [{ word: 'LOCAL|-', many: true }, { word: 'HOST:PATH' }],
  options: ['create', 'overwrite', 'expect', 'durability', 'recursive'],
  wording: {
    overwrite: 'only if there is such a file already',
    recursive: 'nothing more: folders are sent whole in any case',
  },
  notes: [
    'With - the content is read from standard input. If the path is a folder, what is sent goes into it. The content of a file appears at once when all of it has arrived; mode, owner and attributes of a file that is replaced stay.',
    'If a file on the host changes between the start of the command and the end of its input, it is left alone and the exit status is 3.',
    'Of a folder, links to files are sent as files; links to folders are left out, and said.',
  ],
  run(context, operands) {
    const locals = operands.slice(0, -1);
    const location = parseLocation(operands.at(-1) ?? '');
    const { create, overwrite, expect } = context.flags;
    if (create && overwrite) throw new UsageError('--create and --overwrite exclude each other');
    if (create && expect !== undefined) throw new UsageError('--create and --expect exclude each other');
    if (locals.includes('-') && locals.length > 1)
      throw new UsageError('- stands for all of the input, alone');
    if (expect !== undefined && locals.length > 1) throw new UsageError('--expect is about one file');
    const given = expect === undefined ? undefined : parseVersion(expect);
    return withHosts(context, async (hosts) => {
      const { vfs, path } = await hosts.find(location);
      const sender = new Sender(context, vfs, given);
      if (locals[0] === '-') {
        await about(path, () =>
          sender.send(
            path,
            () => buffer(context.stdin),
            undefined,
            () => {},
          ),
        );
        return sender.code;
      }
      const target = await TargetPlace.find(vfs, path, location, locals.length > 1, context.signal);
      for (const local of locals) {
        try {
          await sendLocal(context, sender, vfs, local, target);
        } catch (error) {
          if (context.signal.aborted || locals.length === 1) throw error;
          sender.failed(error);
        }
      }
      return sender.code;
    });
  },
};

async function sendLocal(
  context: Context,
  sender: Sender,
  vfs: Vfs,
  local: string,
  target: TargetPlace,
): Promise<void> {
  const stats = await localStat(local);
  if (stats === undefined) throw new Failure(`${local}: there is no such file or folder on this machine`);
  const to = target.for(await localName(local));
  if (!stats.isDirectory()) {
    await context.meter.during(printable(local), 'bytes', (progress) =>
      about(to, () => sender.send(to, () => readLocal(local), stats.mode, progress)),
    );
    return;
  }
  if (context.flags.expect !== undefined) throw new UsageError('--expect is about one file');
  const entries = await localTree(local, (path, why) => context.say(`${path}: left out, it is ${why}`));
  await context.meter.during(printable(local), 'bytes', (progress) =>
    sendTree(context, sender, vfs, entries, to, progress),
  );
}

async function sendTree(
  { signal }: Context,
  sender: Sender,
  vfs: Vfs,
  entries: readonly LocalEntry[],
  to: string,
  progress: Progress,
): Promise<void> {
  const pathOf = ({ below }: LocalEntry) => posix.join(to, below);
  // Each folder stands before what is in it.
  for (const folder of entries.filter(({ stats }) => stats.isDirectory())) {
    const path = pathOf(folder);
    await about(path, () => (folder.below === '' ? makeFolder(vfs, path) : makePath(vfs, path)));
  }
  const files = entries.filter(({ stats }) => stats.isFile());
  const total = files.reduce((sum, { stats }) => sum + stats.size, 0);
  let done = 0;
  await inParallel(
    files,
    { sizeOf: ({ stats }) => stats.size, signal, failed: (error) => sender.failed(error) },
    async (file) => {
      const path = pathOf(file);
      await about(path, () =>
        sender.send(
          path,
          () => readLocal(file.path),
          file.stats.mode,
          () => {},
        ),
      );
      done += file.stats.size;
      progress(done, total);
    },
  );
}

/** One folder, whose parent must be there; a folder that is there is as good. */
async function makeFolder(vfs: Vfs, path: string): Promise<void> {
  try {
    await vfs.mkdir(path);
  } catch (error) {
    if (errnoOf(error) !== Errno.EEXIST) throw error;
    if ((await vfs.stat(path)).kind !== 'directory') {
      throw new Failure(`${path}: it is a file, which a folder does not replace`, { cause: error });
    }
  }
}

const ANY_EXECUTE = 0o111;
const PERMISSIONS = 0o777;

/** Saves files as the command's options say, and keeps what the exit status will be. */
class Sender {
  code: ExitCode = ExitCode.OK;

  constructor(
    private readonly context: Context,
    private readonly vfs: Vfs,
    private readonly given: Version | 'any' | undefined,
  ) {}

  failed(error: unknown): void {
    this.context.sayFailure(error);
    this.code = ExitCode.FAILED;
  }

  /** @param mode of the file here: a program stays one on the host */
  async send(
    path: string,
    read: () => Promise<Buffer>,
    mode: number | undefined,
    progress: Progress,
  ): Promise<void> {
    const { context, vfs, given } = this;
    const condition = await conditionOf(context, vfs, path, given);
    context.log(1, `${path}: ${expectation(condition)}; the input is read`);
    const content = await read();
    try {
      const saved = await vfs.writeFile(path, content, {
        ...condition,
        signal: context.signal,
        progress,
        ...(mode !== undefined && (mode & ANY_EXECUTE) !== 0 && { mode: mode & PERMISSIONS }),
      });
      context.log(1, `${path}: ${content.length} bytes saved, version ${versionText(saved.version)}`);
    } catch (error) {
      const conflict = conflictOf(error, condition, given);
      if (conflict === undefined) throw error;
      context.say(`${path}: ${conflict}; nothing was written`);
      if (this.code === ExitCode.OK) this.code = ExitCode.CONFLICT;
    }
  }
}

type Condition = Pick<WriteOptions, 'create' | 'overwrite' | 'expect'>;
/** What must be true of the file when the save is committed. */
async function conditionOf(
  { flags, signal }: Context,
  vfs: Vfs,
  path: string,
  given: Version | 'any' | undefined,
): Promise<Condition> {
  const create = !flags.overwrite;
  if (given === 'any') return { create, overwrite: true, expect: 'any' };
  if (given !== undefined) return { create: false, overwrite: true, expect: given };
  if (flags.create) return { create: true, overwrite: false, expect: 'any' };
  try {
    const { version } = await vfs.stat(path, { signal });
    return { create: false, overwrite: true, expect: version };
  } catch (error) {
    if (errnoOf(error) !== Errno.ENOENT || flags.overwrite) throw error;
    return { create: true, overwrite: false, expect: 'any' };
  }
}

function expectation({ create, overwrite, expect }: Condition): string {
  if (expect !== 'any') return `version ${versionText(expect)} is expected`;
  if (!overwrite) return 'no file is expected';
  return create ? 'anything may be there' : 'some file is expected';
}

/** In words, if the save failed because the file is not what was expected. */
function conflictOf(
  error: unknown,
  condition: Condition,
  given: Version | 'any' | undefined,
): string | undefined {
  const errno = errnoOf(error);
  if (errno === Errno.EREMCHG) {
    return given === undefined
      ? 'it was changed on the host meanwhile'
      : 'it has another version now; look with `livemount stat`';
  }
  if (errno === Errno.EEXIST && !condition.overwrite) return 'it exists on the host';
  if (errno === Errno.ENOENT && !condition.create) return 'it is gone from the host';
  return undefined;
}
