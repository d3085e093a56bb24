import type { Stat, SuperblockView } from '../../client/vfs';
import { fitJson } from '../../base/fitToShow';
import { Names } from '../accounts';
import { withEach } from '../context';
import { kindText, modeLetters, sizeText, timeMs, timeText, versionText } from '../format';
import { parseLocation } from '../location';
import { columns, printable } from '../text';
import { type Command, ExitCode } from './types';

export const stat: Command = {
  summary: 'show what is known of files and folders, and of the mounts that hold them',
  operands: [{ word: 'HOST:PATH', many: true }],
  options: ['json', 'numeric'],
  notes: ['A link is shown itself, not what it leads to.'],
  async run(context, places) {
    let first = true;
    const done = await withEach(context, places.map(parseLocation), async (vfs, path) => {
      const found = await vfs.lstat(path, { signal: context.signal });
      const link = found.isSymlink ? await vfs.readlink(path) : undefined;
      const superblock = vfs.superblockAt(path);
      if (context.flags.json) {
        await context.stdout.write(`${fitJson(record(path, found, link, superblock?.name ?? null))}\n`);
        return;
      }
      const names = context.flags.numeric ? Names.none : await Names.of(vfs);
      const lines = columns(table(path, found, link, superblock, names));
      await context.stdout.write(`${first ? '' : '\n'}${lines.join('\n')}\n`);
      first = false;
    });
    return done ? ExitCode.OK : ExitCode.FAILED;
  },
};

function record(path: string, found: Stat, link: string | undefined, superblock: string | null): object {
  return {
    path,
    type: kindText(found),
    ...(link !== undefined && { target: link }),
    mode: found.mode & 0o7777,
    nlink: found.nlink,
    uid: found.uid,
    gid: found.gid,
    size: Number(found.size),
    mtime: timeMs(found.mtimeNs),
    ctime: timeMs(found.ctimeNs),
    readonly: found.readonly,
    version: versionText(found.version),
    superblock,
    mountpoint: found.isMountpoint,
  };
}

function table(
  path: string,
  found: Stat,
  link: string | undefined,
  superblock: SuperblockView | undefined,
  names: Names,
): string[][] {
  const rows = [
    ['path', printable(path)],
    ['type', link === undefined ? kindText(found) : `link to ${printable(link)}`],
    ['mode', `${modeLetters(found.mode)}${found.readonly ? ' (you may not write it)' : ''}`],
    ['owner', printable(`${names.user(found.uid)}:${names.group(found.gid)}`)],
    ['links', `${found.nlink}`],
    ['size', found.size < 1000n ? `${found.size} bytes` : `${found.size} bytes (${sizeText(found.size)})`],
    ['modified', timeText(found.mtimeNs)],
    ['changed', timeText(found.ctimeNs)],
    ['version', versionText(found.version)],
  ];
  if (superblock !== undefined) {
    const { mount, name, mountpoint } = superblock;
    rows.push(['mount', printable(`${mountpoint}, ${mount.fstype} of ${mount.source} (${name})`)]);
    rows.push(['watched by', mount.backend]);
  }
  return rows;
}
