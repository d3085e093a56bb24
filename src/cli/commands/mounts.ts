import type { SuperblockView } from '../../client/vfs';
import { withHost } from '../context';
import { parseLocationOrHost } from '../location';
import { remarks, superblockOf } from '../superblocks';
import { columns, printable } from '../text';
import { type Command, ExitCode } from './types';

export const mounts: Command = {
  summary: 'show the mount that holds a path and all mounts below it, and how each is watched',
  operands: ['HOST[:/path]'],
  options: ['json'],
  run(context, [place = '']) {
    const location = parseLocationOrHost(place);
    const { path } = location;
    return withHost(context, location, async (vfs) => {
      await vfs.stat(path, { signal: context.signal });
      const holder = superblockOf(vfs, path);
      const found = [...(holder === undefined ? [] : [holder]), ...vfs.mountsBelow(path)];
      const lines = context.flags.json
        ? found.map((superblock) => JSON.stringify(record(superblock)))
        : columns([HEADINGS, ...found.map(cells)]);
      for (const line of lines) await context.stdout.write(`${line.trimEnd()}\n`);
      return ExitCode.OK;
    });
  },
};

const HEADINGS = ['MOUNTPOINT', 'TYPE', 'SOURCE', 'WATCHED BY', 'SUPERBLOCK', 'REMARKS'];

function cells(superblock: SuperblockView): string[] {
  const { mount, mountpoint, name } = superblock;
  return [
    printable(mountpoint),
    printable(mount.fstype),
    printable(mount.source),
    mount.backend,
    name,
    remarks(superblock).map(printable).join('; '),
  ];
}

function record(superblock: SuperblockView): object {
  const { mount, mountpoint, name } = superblock;
  return {
    mountpoint,
    type: mount.fstype,
    source: mount.source,
    options: mount.options,
    backend: mount.backend,
    superblock: name,
    remarks: remarks(superblock),
  };
}
