import { posix } from 'node:path';
import { mountsIn } from '../../client/superblocks/mountsBelow';
import type { Vfs } from '../../client/vfs';
import { Errno, errnoOf } from '../../protocol/errno';
import { withHost } from '../context';
import { Failure } from '../errors';
import { parseLocation, parsePair } from '../location';
import { type Command, ExitCode } from './types';

export const mkdir: Command = {
  summary: 'make a folder',
  operands: ['HOST:/path'],
  options: ['parents'],
  run(context, [place = '']) {
    const location = parseLocation(place);
    const { path } = location;
    return withHost(context, location, async (vfs) => {
      if (context.flags.parents) await makePath(vfs, path);
      else await vfs.mkdir(path);
      return ExitCode.OK;
    });
  },
};

async function makePath(vfs: Vfs, path: string): Promise<void> {
  try {
    await vfs.mkdir(path);
  } catch (error) {
    if (errnoOf(error) === Errno.ENOENT && path !== '/') {
      await makePath(vfs, posix.dirname(path));
      await makePath(vfs, path);
    } else if (errnoOf(error) !== Errno.EEXIST || (await vfs.stat(path)).kind !== 'directory') {
      throw error;
    }
  }
}

export const rm: Command = {
  summary: 'delete a file, or with -r a folder and all that is in it',
  operands: ['HOST:/path'],
  options: ['recursive', 'trash', 'cross-mounts'],
  notes: [
    'A folder that holds mounts is left alone. With --cross-mounts these are emptied, too; their mount points stay.',
  ],
  run(context, [place = '']) {
    const location = parseLocation(place);
    const { path } = location;
    const { recursive = false, trash = false, 'cross-mounts': crossMounts = false } = context.flags;
    return withHost(context, location, async (vfs) => {
      const crossed = crossMounts ? mountsIn(vfs, path).map(({ mount }) => mount.sb) : [];
      await vfs.remove(path, { recursive, trash, crossMounts: crossed, signal: context.signal });
      return ExitCode.OK;
    });
  },
};

export const mv: Command = {
  summary: 'rename on the host',
  operands: ['HOST:/from', '[HOST:]/to'],
  options: ['overwrite'],
  notes: ['/to is the new path itself. Between two mounts use cp and rm.'],
  run(context, [first = '', second = '']) {
    const { from, to } = parsePair(first, second);
    const overwrite = context.flags.overwrite ?? false;
    return withHost(context, from, async (vfs) => {
      try {
        await vfs.rename(from.path, to, { overwrite });
      } catch (error) {
        throw namingBoth(error, from.path, to);
      }
      return ExitCode.OK;
    });
  },
};

export const cp: Command = {
  summary: 'copy a file or a whole folder on the host',
  operands: ['HOST:/from', '[HOST:]/to'],
  options: ['overwrite'],
  notes: ['/to is the copy’s own path. The data stays on the host.'],
  run(context, [first = '', second = '']) {
    const { from, to } = parsePair(first, second);
    const overwrite = context.flags.overwrite ?? false;
    return withHost(context, from, async (vfs) => {
      try {
        await vfs.copy(from.path, to, { overwrite, signal: context.signal });
      } catch (error) {
        throw namingBoth(error, from.path, to);
      }
      return ExitCode.OK;
    });
  },
};

/** EEXIST is about the second path, which a user would not expect to be blamed on the first. */
function namingBoth(error: unknown, from: string, to: string): unknown {
  switch (errnoOf(error)) {
    case Errno.EEXIST:
      return new Failure(`${to}: it exists already; --overwrite replaces it`, { cause: error });
    case Errno.EXDEV:
      return new Failure(`${from} and ${to} are on different mounts; use cp, then rm`, { cause: error });
    default:
      return error;
  }
}
