import { posix } from 'node:path';
import type { Progress, Stat, Vfs } from '../../client/vfs';
import { about, type Context, withEach } from '../context';
import { Failure } from '../errors';
import { assertLocalPlace, localStat, makeLocalFolder, writeLocal } from '../localTree';
import { isPlace, parseLocation } from '../location';
import { inParallel } from '../parallel';
import { printable } from '../text';
import { UsageError } from '../usageError';
import { type Command, ExitCode } from './types';

export const get: Command = {
  summary: 'copy files or whole folders of the host to this machine',
  operands: [
    { word: 'HOST:PATH', many: true },
    { word: 'LOCAL', optional: true },
  ],
  options: ['overwrite', 'recursive'],
  wording: { recursive: 'nothing more: folders are copied whole in any case' },
  notes: [
    'Without LOCAL the copies go into the current folder. If LOCAL is a folder they go into it; else it is the copy’s own path. A file appears whole or not at all, and replaces one only with --overwrite.',
    'Of a folder, links to files are copied as files; links to folders are left out, and said.',
  ],
  async run(context, operands) {
    const last = operands.at(-1) ?? '';
    const isLocal = operands.length > 1 && !isPlace(last);
    const places = isLocal ? operands.slice(0, -1) : operands;
    const local = isLocal ? last : '.';
    if (local === '-') throw new UsageError('cat writes to standard output');
    const target = await localTarget(local, places.length > 1);
    const taken = new Set<string>();
    let whole = true;
    const done = await withEach(context, places.map(parseLocation), async (vfs, path) => {
      const name = posix.basename(path);
      if (target.isFolder && name === '') throw new Failure('/: it has no name that a copy could get');
      const to = target.isFolder ? posix.join(local, name) : local;
      if (taken.has(to)) throw new Failure(`${path}: another one of this name was copied to ${to} just now`);
      taken.add(to);
      if (!(await fetchAny(context, vfs, path, to))) whole = false;
    });
    return done && whole ? ExitCode.OK : ExitCode.FAILED;
  },
};

async function localTarget(local: string, several: boolean): Promise<{ readonly isFolder: boolean }> {
  const stats = await localStat(local);
  if (stats?.isDirectory()) return { isFolder: true };
  if (several || /(^|\/)\.{0,2}$/.test(local)) {
    const reason =
      stats === undefined ? 'there is no such folder on this machine' : 'it is not a folder of this machine';
    throw new Failure(`${local}: ${reason}`);
  }
  return { isFolder: false };
}

/** False if something in a folder could not be fetched; that was said. */
async function fetchAny(context: Context, vfs: Vfs, path: string, to: string): Promise<boolean> {
  const { signal, meter } = context;
  const found = await vfs.stat(path, { signal });
  if (found.kind === 'directory') {
    return meter.during(printable(path), 'bytes', (progress) => fetchTree(context, vfs, path, to, progress));
  }
  await meter.during(printable(path), 'bytes', (progress) =>
    fetchFile(context, vfs, { path, to, stat: found }, progress),
  );
  return true;
}

interface RemoteFile {
  readonly path: string;
  readonly to: string;
  readonly stat: Stat;
}

async function fetchFile(
  { signal, flags }: Context,
  vfs: Vfs,
  { path, to, stat }: RemoteFile,
  progress: Progress,
): Promise<void> {
  const overwrite = flags.overwrite ?? false;
  await assertLocalPlace(to, overwrite);
  const content = await vfs.readFile(path, { signal, progress });
  // A program stays one; what else may be done with the copy is up to the umask here.
  const mode = (stat.mode & 0o111) === 0 ? 0o666 : stat.mode & 0o777;
  await writeLocal(to, content, { overwrite, mode });
}

/** More than that is rather synchronized than copied. */
const ENTRIES_MAX = 1_000_000;

async function fetchTree(
  context: Context,
  vfs: Vfs,
  top: string,
  to: string,
  progress: Progress,
): Promise<boolean> {
  const { signal } = context;
  const files: RemoteFile[] = [];
  let entries = 0;
  let whole = true;
  const failed = (error: unknown) => {
    if (signal.aborted) throw error;
    context.sayFailure(error);
    whole = false;
  };
  const visit = async (folder: string, target: string): Promise<void> => {
    const listed = await about(folder, () => vfs.readDirectory(folder, { signal }));
    entries += listed.length;
    if (entries > ENTRIES_MAX) {
      throw new Failure(`${top}: it holds more than ${ENTRIES_MAX.toLocaleString('en')} entries; use rsync`);
    }
    await makeLocalFolder(target);
    for (const entry of listed) {
      assertName(folder, entry.name);
      const path = posix.join(folder, entry.name);
      const place = posix.join(target, entry.name);
      try {
        if (entry.kind === 'directory' && !entry.isSymlink) await visit(path, place);
        else if (entry.kind === 'file') {
          files.push({ path, to: place, stat: await about(path, () => vfs.stat(path, { signal })) });
        } else {
          const why = entry.kind === 'directory' ? 'a link to a folder' : 'neither a file nor a folder';
          context.say(`${path}: left out, it is ${why}`);
        }
      } catch (error) {
        if (entries > ENTRIES_MAX) throw error;
        failed(error);
      }
    }
  };
  await visit(top, to);
  const total = files.reduce((sum, { stat }) => sum + Number(stat.size), 0);
  let done = 0;
  await inParallel(files, { sizeOf: ({ stat }) => Number(stat.size), signal, failed }, async (file) => {
    await about(file.path, () => fetchFile(context, vfs, file, () => {}));
    done += Number(file.stat.size);
    progress(done, total);
  });
  return whole;
}

/** A host may say anything; what leads out of the folder is not made here. */
function assertName(folder: string, name: string): void {
  if (name === '' || name === '.' || name === '..' || /[/\0]/.test(name)) {
    throw new Failure(`${folder}: the host tells a name in it that cannot be one`);
  }
}
