import { chmodSync, lstatSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../../base/errors';
import { makeFolders } from '../../base/makeFolders';
import { cacheHome, runtimeFolder } from '../../base/xdg';
import { ErrnoError } from '../../protocol/errno';
import { isOpenToOthers, safePlaceOf } from './safeFolder';

const PRIVATE_MODE = 0o700;
const OTHERS = 0o077;

/**
 * Makes a folder that only this user can enter, or checks that it is one, and gives its real path: ours, no symbolic
 * link, in a place where nobody else can put another one (safePlaceOf), and never open for others to write in, for then
 * what is in it may be theirs. One that others may read is made private.
 *
 * EACCES when somebody else owns it or could have changed it, ENOTDIR when it is no folder, else what mkdir(2) said.
 */
export function claimPrivateFolder(path: string): string {
  makeFolders(path);
  const uid = process.getuid?.() ?? lstatSync(path).uid;
  const place = safePlaceOf(path, uid);
  const found = lstatSync(place);
  if (!found.isDirectory()) throw new ErrnoError('ENOTDIR', `${path} is not a folder`);
  if (found.uid !== uid) {
    throw new ErrnoError(
      'EACCES',
      `${path} belongs to user ${found.uid}, not to user ${uid}: it is not used`,
    );
  }
  if (isOpenToOthers(found)) {
    throw new ErrnoError(
      'EACCES',
      `${path} could be written by others: it is not used; remove it if it is not needed`,
    );
  }
  if ((found.mode & OTHERS) !== 0) chmodSync(place, PRIVATE_MODE);
  return place;
}

/**
 * Folders for the daemon's socket, best first. They must be of this machine alone, since a home folder may be
 * shared by many hosts; and the runtime folder of systemd goes with the last login, while the daemon stays.
 */
export function socketFolderCandidates(env: NodeJS.ProcessEnv, uid: number): string[] {
  const candidates = [`/tmp/livemount-${uid}`];
  for (const base of [runtimeFolder(env), cacheHome(env)]) if (base) candidates.push(join(base, 'livemount'));
  return candidates;
}

/** The first of the candidates that can be claimed. EACCES, naming them all with the reasons, when there is none. */
export function claimFirstFolder(candidates: readonly string[]): string {
  const refusals: string[] = [];
  for (const candidate of candidates) {
    try {
      return claimPrivateFolder(candidate);
    } catch (error) {
      refusals.push(messageOf(error));
    }
  }
  throw new ErrnoError('EACCES', `no private folder for the agent: ${refusals.join('; ')}`);
}
