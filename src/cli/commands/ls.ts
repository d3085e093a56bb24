import { posix } from 'node:path';
import type { Stat, Vfs } from '../../client/vfs';
import { type Context, withHost } from '../context';
import { modeLetters, timeText } from '../format';
import { parseLocation } from '../location';
import { superblockOf } from '../superblocks';
import { columns, nameLine, printable } from '../text';
import { type Command, ExitCode } from './types';

export const ls: Command = {
  summary: 'list a folder',
  operands: ['HOST:/path'],
  options: ['long'],
  run(context, [place = '']) {
    const location = parseLocation(place);
    const { path } = location;
    return withHost(context, location, async (vfs) => {
      const names = await entriesOf(vfs, path, context.signal);
      if (context.flags.long) await printLong(context, vfs, path, names);
      else for (const name of names) await context.stdout.write(nameLine(context.stdout, name));
      return ExitCode.OK;
    });
  },
};

/** The names in a directory, in the order of their code points; what is no directory stands for itself. */
async function entriesOf(vfs: Vfs, path: string, signal: AbortSignal): Promise<string[]> {
  const { kind } = await vfs.stat(path, { signal });
  if (kind !== 'directory') return [path];
  const entries = await vfs.readDirectory(path, { signal });
  return entries.map((entry) => entry.name).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

/** Requests under way at once for the attributes, where the listing did not bring them. */
const AT_ONCE = 64;

async function printLong(context: Context, vfs: Vfs, path: string, names: readonly string[]): Promise<void> {
  const rows: string[][] = [];
  for (let at = 0; at < names.length; at += AT_ONCE) {
    const batch = names.slice(at, at + AT_ONCE).map((name) => row(vfs, posix.resolve(path, name), name));
    for (const cells of await Promise.all(batch)) if (cells !== undefined) rows.push(cells);
  }
  for (const line of columns(rows, new Set([1, 2, 3, 4]))) {
    await context.stdout.write(nameLine(context.stdout, line));
  }
}

/** One entry, or nothing if it is gone since it was listed. */
async function row(vfs: Vfs, path: string, name: string): Promise<string[] | undefined> {
  let stat: Stat;
  try {
    stat = await vfs.lstat(path);
  } catch {
    return undefined;
  }
  const target = stat.isSymlink ? ` -> ${await vfs.readlink(path).catch(() => '?')}` : '';
  const mounted = stat.isMountpoint ? superblockOf(vfs, path) : undefined;
  const mount =
    mounted === undefined ? '' : ` [${printable(`${mounted.mount.fstype} ${mounted.mount.source}`)}]`;
  return [
    modeLetters(stat.mode),
    `${stat.nlink}`,
    `${stat.uid}`,
    `${stat.gid}`,
    `${stat.size}`,
    timeText(stat.mtimeNs),
    `${name}${target}${mount}`,
  ];
}
