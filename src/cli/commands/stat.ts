import type { Stat } from '../../client/vfs';
import { withHost } from '../context';
import { kindText, modeLetters, timeMs, timeText, versionText } from '../format';
import { parseLocation } from '../location';
import { superblockOf } from '../superblocks';
import { columns, printable } from '../text';
import { type Command, ExitCode } from './types';

export const stat: Command = {
  summary: 'show what is known of one file or folder, and of the mount that holds it',
  operands: ['HOST:/path'],
  options: ['json'],
  notes: ['A link is shown itself, not what it leads to.'],
  run(context, [place = '']) {
    const location = parseLocation(place);
    const { path } = location;
    return withHost(context, location, async (vfs) => {
      const found = await vfs.lstat(path, { signal: context.signal });
      const link = found.isSymlink ? await vfs.readlink(path) : undefined;
      const superblock = superblockOf(vfs, path);
      const facts = context.flags.json
        ? [JSON.stringify(record(path, found, link, superblock?.name ?? null))]
        : columns(table(path, found, link, superblock));
      await context.stdout.write(`${facts.join('\n')}\n`);
      return ExitCode.OK;
    });
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
  superblock: ReturnType<typeof superblockOf>,
): string[][] {
  const rows = [
    ['path', printable(path)],
    ['type', link === undefined ? kindText(found) : `link to ${printable(link)}`],
    ['mode', `${modeLetters(found.mode)}${found.readonly ? ' (you may not write it)' : ''}`],
    ['owner', `${found.uid}:${found.gid}`],
    ['links', `${found.nlink}`],
    ['size', `${found.size}`],
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
