import type { Vfs } from '../client/vfs';
import { parsePasswd } from './accounts';
import { Failure } from './errors';

/** The files that say it are small; what is larger is none of them. */
const SMALL = 1 << 20;

/**
 * The home folder of the agent's user, as far as the host's own files tell: the environment of the process that serves us,
 * else the list of accounts. Failure where neither does.
 */
export async function homeOf(vfs: Pick<Vfs, 'stat' | 'readFile'>): Promise<string> {
  const environment = await smallFile(vfs, '/proc/self/environ');
  const found = environment?.split('\0').find((line) => line.startsWith('HOME=/'));
  if (found !== undefined) return found.slice('HOME='.length);
  const uid = await vfs.stat('/proc/self').then(
    (stat) => stat.uid,
    () => undefined,
  );
  const passwd = uid === undefined ? undefined : await smallFile(vfs, '/etc/passwd');
  const home =
    passwd === undefined ? undefined : parsePasswd(passwd).find((account) => account.id === uid)?.home;
  if (home?.startsWith('/')) return home;
  throw new Failure('the host does not say where your home folder is; write the whole path, HOST:/PATH');
}

async function smallFile(vfs: Pick<Vfs, 'stat' | 'readFile'>, path: string): Promise<string | undefined> {
  try {
    if ((await vfs.stat(path)).size > SMALL) return undefined;
    return (await vfs.readFile(path)).toString('utf8');
  } catch {
    return undefined; // Then another source is asked.
  }
}
