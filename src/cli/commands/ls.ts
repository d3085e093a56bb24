import { posix } from 'node:path';
import type { DirectoryEntry, Stat, Vfs } from '../../client/vfs';
import { Errno, errnoOf } from '../../protocol/errno';
import { formatTarget } from '../../ssh/config/target';
import { Names } from '../accounts';
import { type Context, withEach } from '../context';
import { hostFailure } from '../errors';
import { modeLetters, sizeText, timeText } from '../format';
import { parseLocation } from '../location';
import { columns, nameLine, printable } from '../text';
import { type Command, ExitCode } from './types';

export const ls: Command = {
  summary: 'list folders',
  operands: [{ word: 'HOST:PATH', many: true }],
  options: ['long', 'bytes', 'numeric'],
  notes: [
    'Sizes are rounded on a terminal (1.5 MB) and exact elsewhere; times are in the time zone of this machine.',
  ],
  async run(context, places) {
    const names = new Map<Vfs, Promise<Names>>();
    const namesOf = (vfs: Vfs) => {
      const known = names.get(vfs) ?? (context.flags.numeric ? Promise.resolve(Names.none) : Names.of(vfs));
      names.set(vfs, known);
      return known;
    };
    let first = true;
    const done = await withEach(context, places.map(parseLocation), async (vfs, path, { target }) => {
      const entries = await entriesOf(vfs, path, context.signal);
      if (places.length > 1 && entries.isFolder) {
        const heading = `${formatTarget(target)}:${path}:`;
        await context.stdout.write(nameLine(context.stdout, heading, first ? '' : '\n'));
      }
      first = false;
      if (context.flags.long) await printLong(context, vfs, path, entries, await namesOf(vfs));
      else await printNames(context, entries);
    });
    return done ? ExitCode.OK : ExitCode.FAILED;
  },
};

interface Entries {
  readonly isFolder: boolean;
  readonly list: readonly DirectoryEntry[];
}

/** The entries of a directory, in the order of their code points; what is no directory stands for itself. */
async function entriesOf(vfs: Vfs, path: string, signal: AbortSignal): Promise<Entries> {
  const { kind, isSymlink, isMountpoint } = await vfs.stat(path, { signal });
  if (kind !== 'directory') return { isFolder: false, list: [{ name: path, kind, isSymlink, isMountpoint }] };
  const entries = await vfs.readDirectory(path, { signal });
  return { isFolder: true, list: entries.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)) };
}

async function printNames({ stdout, colours }: Context, { list }: Entries): Promise<void> {
  for (const entry of list) {
    if (stdout.isTerminal) await stdout.write(`${colours.name(printable(entry.name), entry)}\n`);
    else await stdout.write(nameLine(stdout, entry.name));
  }
}

/** Requests under way at once for the attributes, where the listing did not bring them. */
const AT_ONCE = 64;
/** What is shown of an entry that may be named but not looked at. */
const UNKNOWN = '?';

async function printLong(
  context: Context,
  vfs: Vfs,
  path: string,
  { list }: Entries,
  names: Names,
): Promise<void> {
  const { stdout, colours } = context;
  const rows: Row[] = [];
  for (let at = 0; at < list.length; at += AT_ONCE) {
    const batch = list.slice(at, at + AT_ONCE).map((entry) => rowOf(context, vfs, path, entry, names));
    for (const row of await Promise.all(batch)) if (row !== undefined) rows.push(row);
  }
  const facts = columns(
    rows.map((row) => [...row.facts, '']),
    new Set([1, 4]),
  );
  for (const [index, { entry, stat, more }] of rows.entries()) {
    const line = facts[index] ?? '';
    if (stdout.isTerminal) {
      const name = colours.name(printable(entry.name), entry, stat);
      await stdout.write(`${printable(line)}${name}${printable(more)}\n`);
    } else {
      await stdout.write(nameLine(stdout, `${line}${entry.name}${more}`));
    }
  }
  const refused = rows.find(({ failure }) => failure !== undefined);
  if (refused !== undefined) throw refused.failure;
}

interface Row {
  readonly entry: DirectoryEntry;
  readonly stat: Stat | undefined;
  /** The columns before the name. */
  readonly facts: readonly string[];
  /** Where a link leads, and what is mounted there. */
  readonly more: string;
  readonly failure: Error | undefined;
}

/** One entry, or nothing if it is gone since it was listed. */
async function rowOf(
  { flags, stdout }: Context,
  vfs: Vfs,
  folder: string,
  entry: DirectoryEntry,
  names: Names,
): Promise<Row | undefined> {
  const path = posix.resolve(folder, entry.name);
  let stat: Stat;
  try {
    stat = await vfs.lstat(path);
  } catch (error) {
    const failure = hostFailure(error, path);
    if (isGone(error)) return undefined;
    const letter = entry.isSymlink
      ? 'l'
      : entry.kind === 'directory'
        ? 'd'
        : entry.kind === 'file'
          ? '-'
          : UNKNOWN;
    const facts = [`${letter}?????????`, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN];
    return { entry, stat: undefined, facts, more: '', failure };
  }
  const target = stat.isSymlink ? ` -> ${await vfs.readlink(path).catch(() => UNKNOWN)}` : '';
  const mounted = stat.isMountpoint ? vfs.superblockAt(path) : undefined;
  const mount =
    mounted === undefined ? '' : ` [${printable(`${mounted.mount.fstype} ${mounted.mount.source}`)}]`;
  const facts = [
    modeLetters(stat.mode),
    `${stat.nlink}`,
    printable(names.user(stat.uid)),
    printable(names.group(stat.gid)),
    stdout.isTerminal && !flags.bytes ? sizeText(stat.size) : `${stat.size}`,
    timeText(stat.mtimeNs),
  ];
  return { entry, stat, facts, more: `${target}${mount}`, failure: undefined };
}

function isGone(error: unknown): boolean {
  return errnoOf(error) === Errno.ENOENT;
}
