import { createHash } from 'node:crypto';
import { lstatSync, rmdirSync } from 'node:fs';
import path from 'node:path';
import { makeFolders } from '../../base/makeFolders';
import { runtimeFolder, stateHome } from '../../base/xdg';
import { encodeHost } from '../authority';
import type { Place } from '../uris';

/** A name longer than this may be none of the local filesystem's. (bytes; ext4 and most others have 255) */
const LONGEST_NAME = 200;
const LONGEST_HOST = 100;
const WRITABLE_BY_OTHERS = 0o022;

/**
 * Where hosts' folders are mounted: in the user's runtime folder, which goes with the last login as the mounts do; where
 * there is none, beside what else is kept of this user.
 */
export function mountFolders(env: NodeJS.ProcessEnv, home: string): readonly string[] {
  const bases = [runtimeFolder(env), stateHome(env, home)];
  return bases.filter((base) => base !== undefined).map((base) => path.join(base, 'livemount', 'mounts'));
}

/** The mount point of a host's folder. The last name is the folder's own, which is what the window's title says. */
export function mountPointOf(base: string, { host, path: folder }: Place): string {
  const which = createHash('sha256').update(`${host}\0${folder}`).digest('hex').slice(0, 10);
  const own = folder.slice(folder.lastIndexOf('/') + 1);
  const name = own === '' || Buffer.byteLength(own) > LONGEST_NAME ? 'root' : own;
  return path.join(base, `${encodeHost(host).slice(0, LONGEST_HOST)}-${which}`, name);
}

/** Makes the mount point of a place in the first folder that is ours alone. Fails as mkdir(2) does where none is. */
export function makeMountPoint(bases: readonly string[], place: Place): string {
  let problem: unknown = new Error('there is no folder to mount in');
  for (const base of bases) {
    try {
      makeFolders(base);
      if (!isOurs(base)) throw new Error(`${base} could be changed by others`);
      const at = mountPointOf(base, place);
      makeFolders(at);
      return at;
    } catch (error) {
      problem = error;
    }
  }
  throw problem;
}

/** Takes an empty mount point away, with the folder that was made for it. What is not empty stays. */
export function removeMountPoint(at: string): void {
  for (const folder of [at, path.dirname(at)]) {
    try {
      rmdirSync(folder);
    } catch {
      return; // Another mount is there, or somebody put something in.
    }
  }
}

function isOurs(folder: string): boolean {
  const { uid, mode } = lstatSync(folder);
  return uid === process.getuid?.() && (mode & WRITABLE_BY_OTHERS) === 0;
}
