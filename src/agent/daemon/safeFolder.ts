import { lstatSync, readFileSync, realpathSync, type Stats } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ErrnoError } from '../../protocol/errno';

const WRITE_GROUP = 0o020;
const WRITE_OTHERS = 0o022;
const STICKY = 0o1000;
const ROOT = 0;

/** Whoever owns what no user of this namespace owns. (user_namespaces(7), /proc/sys/kernel/overflowuid) */
const OVERFLOW_UID = 65_534;

/**
 * The real path of a folder's place, once it is certain that nobody but root and this user can put something else there:
 * each folder above is root's or ours, and others may only write in it where they can't rename what is not theirs (the
 * sticky bit of /tmp). EACCES where somebody could. The folder itself need not exist.
 *
 * The same rule stands in `hostBoot`, which can import nothing; one table of cases tests both.
 */
export function safePlaceOf(path: string, uid: number): string {
  const above = realpathSync(dirname(path));
  for (let folder = above; ; folder = dirname(folder)) {
    const reason = dangerOf(lstatSync(folder), uid);
    if (reason !== undefined)
      throw new ErrnoError('EACCES', `${folder} ${reason}: what is in it is not used`);
    if (folder === dirname(folder)) break;
  }
  return join(above, basename(path));
}

/** Why others could exchange what is in a folder; undefined where only root and this user can. */
function dangerOf({ uid: owner, gid, mode }: Stats, uid: number): string | undefined {
  if (owner !== ROOT && owner !== uid && !isUnmappedRoot(owner)) return `belongs to user ${owner}`;
  const open = mode & WRITE_OTHERS;
  if (open === 0 || (mode & STICKY) !== 0) return undefined;
  if (open === WRITE_GROUP && isOwnGroup(gid, uid)) return undefined;
  return 'can be written by others';
}

/** Whether a group has one member, who has its name: the group that many systems give each user of theirs. */
function isOwnGroup(gid: number, uid: number): boolean {
  const users = entriesOf('/etc/passwd');
  const name = users.find((user) => Number(user[2]) === uid)?.[0];
  if (name === undefined || users.some((user) => Number(user[3]) === gid && Number(user[2]) !== uid))
    return false;
  const [group, ...namesakes] = entriesOf('/etc/group').filter((entry) => Number(entry[2]) === gid);
  if (group === undefined || namesakes.length > 0 || group[0] !== name) return false;
  const members = group[3] ?? '';
  return members === '' || members === name;
}

function entriesOf(database: string): string[][] {
  try {
    const lines = readFileSync(database, 'utf8').split('\n');
    return lines.filter((line) => line !== '').map((line) => line.split(':'));
  } catch {
    return []; // Not to be known: whatever is asked for is not there.
  }
}

/** Inside a user namespace that does not know the host's root, root's folders seem to be nobody's. */
function isUnmappedRoot(owner: number): boolean {
  if (owner !== OVERFLOW_UID) return false;
  try {
    const [from, to, count] = readFileSync('/proc/self/uid_map', 'latin1').trim().split(/\s+/);
    return !(from === '0' && to === '0' && Number(count) > OVERFLOW_UID);
  } catch {
    return false; // No namespaces: nobody is nobody.
  }
}

/** Whether others may write in what has this mode. An access control list shows its widest right as the group's. */
export function isOpenToOthers({ mode }: Pick<Stats, 'mode'>): boolean {
  return (mode & WRITE_OTHERS) !== 0;
}
