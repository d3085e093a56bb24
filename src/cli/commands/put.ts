import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import type { Vfs, WriteOptions } from '../../client/vfs';
import { Errno, errnoOf } from '../../protocol/errno';
import type { Version } from '../../protocol/livemount';
import { type Context, withHost } from '../context';
import { Failure } from '../errors';
import { parseVersion, versionText } from '../format';
import { parseLocation } from '../location';
import { UsageError } from '../usageError';
import { type Command, ExitCode } from './types';

export const put: Command = {
  summary: 'save a file on the host, whole or not at all',
  operands: ['LOCAL|-', 'HOST:/path'],
  options: ['create', 'overwrite', 'expect', 'durability'],
  wording: { overwrite: 'only if there is such a file already' },
  notes: [
    'With - the content is read from standard input. The content appears at once when all of it has arrived; mode, owner and attributes of a file that is replaced stay.',
    'If the file on the host changes between the start of the command and the end of its input, nothing is written and the exit status is 3.',
  ],
  run(context, [local = '', place = '']) {
    const location = parseLocation(place);
    const { path } = location;
    const { create, overwrite, expect } = context.flags;
    if (create && overwrite) throw new UsageError('--create and --overwrite exclude each other');
    if (create && expect !== undefined) throw new UsageError('--create and --expect exclude each other');
    const given = expect === undefined ? undefined : parseVersion(expect);
    return withHost(context, location, async (vfs) => {
      const condition = await conditionOf(context, vfs, path, given);
      context.log(1, `${path}: ${expectation(condition)}; the input is read`);
      const content = local === '-' ? await buffer(context.stdin) : await readLocal(local);
      try {
        const saved = await vfs.writeFile(path, content, { ...condition, signal: context.signal });
        context.log(1, `${path}: ${content.length} bytes saved, version ${versionText(saved.version)}`);
        return ExitCode.OK;
      } catch (error) {
        const conflict = conflictOf(error, condition, given);
        if (conflict === undefined) throw error;
        context.say(`${path}: ${conflict}; nothing was written`);
        return ExitCode.CONFLICT;
      }
    });
  },
};

/** The whole file; an error says that it is one of this machine. */
async function readLocal(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new Failure(`${path} on this machine: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    });
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
