/**
 * Where programs keep what is theirs, by the XDG Base Directory Specification: a variable that is set and not empty, else
 * a folder in the home.
 */
type Environment = Readonly<Record<string, string | undefined>>;

/** What outlives a reboot and can be missed: records, backups. */
export function stateHome(env: Environment, home: string): string {
  return env.XDG_STATE_HOME || inHome(home, '.local/state');
}

/** What belongs to the user: the trash. */
export function dataHome(env: Environment, home: string): string {
  return env.XDG_DATA_HOME || inHome(home, '.local/share');
}

/** What can be had again; undefined for a user without a home. */
export function cacheHome(env: Environment): string | undefined {
  return env.XDG_CACHE_HOME || (env.HOME ? inHome(env.HOME, '.cache') : undefined);
}

/** What goes with the user's last login; there is no other place for it. */
export function runtimeFolder(env: Environment): string | undefined {
  return env.XDG_RUNTIME_DIR || undefined;
}

function inHome(home: string, folder: string): string {
  return `${home.replace(/\/+$/, '')}/${folder}`;
}
