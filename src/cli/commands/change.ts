import { posix } from 'node:path';
import { mountsIn } from '../../client/superblocks/mountsBelow';
import type { Progress, Vfs } from '../../client/vfs';
import { Errno, ErrnoError, errnoOf } from '../../protocol/errno';
import { about, type Context, withEach, withHosts } from '../context';
import { Failure } from '../errors';
import { parseLocation, parseOnOneHost } from '../location';
import { failureOfTwo, TargetPlace } from '../targets';
import { printable } from '../text';
import { type Command, ExitCode } from './types';

export const mkdir: Command = {
  summary: 'make folders',
  operands: [{ word: 'HOST:PATH', many: true }],
  options: ['parents'],
  async run(context, places) {
    const done = await withEach(context, places.map(parseLocation), (vfs, path) =>
      context.flags.parents ? makePath(vfs, path) : vfs.mkdir(path),
    );
    return done ? ExitCode.OK : ExitCode.FAILED;
  },
};

export async function makePath(vfs: Pick<Vfs, 'mkdir' | 'stat'>, path: string): Promise<void> {
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
  summary: 'delete files, or with -r folders and all that is in them',
  operands: [{ word: 'HOST:PATH', many: true }],
  options: ['recursive', 'trash', 'cross-mounts'],
  notes: [
    'A folder that holds mounts is left alone. With --cross-mounts these are emptied, too; their mount points stay.',
  ],
  async run(context, places) {
    const { recursive = false, trash = false, 'cross-mounts': crossMounts = false } = context.flags;
    const { signal, meter } = context;
    const done = await withEach(context, places.map(parseLocation), async (vfs, path) => {
      if (!recursive) await assertNoFolder(vfs, path, signal);
      const crossed = crossMounts ? mountsIn(vfs, path).map(({ mount }) => mount.sb) : [];
      await meter.during(`deleting ${printable(path)}`, 'entries', (progress) =>
        vfs.remove(path, { recursive, trash, crossMounts: crossed, signal, progress }),
      );
    });
    return done ? ExitCode.OK : ExitCode.FAILED;
  },
};

/** As rm(1) does: an empty folder, too, is only deleted by who says so. */
async function assertNoFolder(vfs: Vfs, path: string, signal: AbortSignal): Promise<void> {
  const { kind, isSymlink } = await vfs.lstat(path, { signal });
  if (kind === 'directory' && !isSymlink) {
    throw new Failure(`${path}: it is a folder. rm -r deletes it with all that is in it`);
  }
}

export const mv: Command = {
  summary: 'rename on the host, or move into a folder',
  operands: [{ word: 'HOST:PATH', many: true }, { word: '[HOST:]/PATH' }],
  options: ['overwrite'],
  notes: [
    'If the last path is a folder, the others go into it; else it is the new path itself. Only a file replaces a file. Between two mounts use cp and rm.',
  ],
  run(context, places) {
    const overwrite = context.flags.overwrite ?? false;
    return toTarget(context, places, 'moving', (vfs, from, to) => vfs.rename(from, to, { overwrite }));
  },
};

export const cp: Command = {
  summary: 'copy files or whole folders on the host',
  operands: [{ word: 'HOST:PATH', many: true }, { word: '[HOST:]/PATH' }],
  options: ['overwrite', 'recursive'],
  wording: { recursive: 'nothing more: folders are copied whole in any case' },
  notes: [
    'If the last path is a folder, the copies go into it; else it is the copy’s own path. Only a file replaces a file. The data stays on the host.',
  ],
  run(context, places) {
    const overwrite = context.flags.overwrite ?? false;
    const { signal } = context;
    return toTarget(context, places, 'copying', (vfs, from, to, progress) =>
      vfs.copy(from, to, { overwrite, signal, progress }),
    );
  },
};

/** What `cp` and `mv` have in common: each source, in order, to its place below or at the last path. */
function toTarget(
  context: Context,
  places: readonly string[],
  doing: string,
  work: (vfs: Vfs, from: string, to: string, progress: Progress) => Promise<void>,
): Promise<ExitCode> {
  const locations = parseOnOneHost(places);
  const sources = locations.slice(0, -1);
  const last = locations.at(-1);
  if (last === undefined) throw new ErrnoError('EINVAL', 'no target');
  return withHosts(context, async (hosts) => {
    const { vfs, path } = await hosts.find(last);
    const target = await TargetPlace.find(vfs, path, last, sources.length > 1, context.signal);
    const taken = new Set<string>();
    let code: ExitCode = ExitCode.OK;
    for (const source of sources) {
      const from = (await hosts.find(source)).path;
      try {
        await about(from, async () => {
          const to = target.for(posix.basename(from));
          if (taken.has(to)) throw new Failure(`${from}: another one of this name was put at ${to} just now`);
          try {
            await context.meter.during(`${doing} ${printable(from)}`, 'bytes', (progress) =>
              work(vfs, from, to, progress),
            );
          } catch (error) {
            throw context.signal.aborted ? error : await failureOfTwo(error, vfs, from, to);
          }
          taken.add(to);
        });
      } catch (error) {
        if (context.signal.aborted || sources.length === 1) throw error;
        context.sayFailure(error);
        code = ExitCode.FAILED;
      }
    }
    return code;
  });
}
