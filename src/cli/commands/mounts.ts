import { fitJson } from '../../base/fitToShow';
import type { SuperblockView, Vfs } from '../../client/vfs';
import { withHost } from '../context';
import { sizeText } from '../format';
import { parseLocationOrHost } from '../location';
import { remarks } from '../superblocks';
import { columns, printable } from '../text';
import { type Command, ExitCode } from './types';

export const mounts: Command = {
  summary: 'show the mount that holds a path and all mounts below it, and how each is watched',
  operands: [{ word: 'HOST[:PATH]' }],
  options: ['json'],
  run(context, [place = '']) {
    return withHost(context, parseLocationOrHost(place), async (vfs, path) => {
      await vfs.stat(path, { signal: context.signal });
      const holder = vfs.superblockAt(path);
      const found = [...(holder === undefined ? [] : [holder]), ...vfs.mountsBelow(path)];
      const lines = context.flags.json
        ? found.map((superblock) => fitJson(record(superblock)))
        : await table(vfs, found);
      for (const line of lines) await context.stdout.write(`${line.trimEnd()}\n`);
      const { mountsLeftOut } = vfs;
      if (mountsLeftOut > 0)
        context.say(`${mountsLeftOut} more mounts of the host are too many to be followed`);
      return ExitCode.OK;
    });
  },
};

const HEADINGS = ['MOUNTPOINT', 'TYPE', 'WATCHED BY', 'FREE', 'OF', 'SOURCE'];
const RIGHT = new Set([3, 4]);
/** Longer mount points would push everything else off the screen. */
const SOURCE_MAX = 28;

/** The mounts, and below them once what is remarkable about some of them. */
async function table(vfs: Vfs, found: readonly SuperblockView[]): Promise<string[]> {
  const rows = await Promise.all(found.map((superblock) => cells(vfs, superblock)));
  const about = new Map<string, string[]>();
  for (const superblock of found) {
    for (const remark of remarks(superblock)) {
      about.set(remark, [...(about.get(remark) ?? []), superblock.mountpoint]);
    }
  }
  const notes = [...about].map(([remark, mountpoints]) => {
    const where = mountpoints.length === found.length && found.length > 1 ? 'all' : mountpoints.join(', ');
    return `${printable(where)}: ${printable(remark)}`;
  });
  return [...columns([HEADINGS, ...rows], RIGHT), ...(notes.length === 0 ? [] : ['', ...notes])];
}

async function cells(vfs: Vfs, { mount, mountpoint }: SuperblockView): Promise<string[]> {
  // One that does not answer has no numbers; the remark says so.
  const space = await vfs.statfs(mountpoint).catch(() => undefined);
  const size = (bytes: bigint | undefined) => (bytes === undefined || bytes === 0n ? '-' : sizeText(bytes));
  const source = printable(mount.source);
  return [
    printable(mountpoint),
    printable(mount.fstype),
    mount.backend,
    space?.totalBytes === 0n ? '-' : space === undefined ? '-' : sizeText(space.freeBytes),
    size(space?.totalBytes),
    source.length > SOURCE_MAX ? `${source.slice(0, SOURCE_MAX - 1)}…` : source,
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
