import type { Login } from '../../server/processes/launch';
import { existsSync, lstatSync } from 'node:fs';
import { userInfo } from 'node:os';

/**
 * Variables of the SSH login that the agent was started from which are the user's or the host's, and not that
 * connection's: its terminal, its agent socket and the like end with it, and nothing else of the agent's own leaks.
 */
const KEPT = /^(LANG|LANGUAGE|LC_[A-Z]+|TZ)$/;

/** As login(1) and sshd set them; startup files know better. */
const PATH = '/usr/local/bin:/usr/bin:/bin';
const ROOT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export function loginOf(environment: NodeJS.ProcessEnv): Login {
  const { username, homedir, uid, shell } = userInfo();
  // passwd(5): an empty field is /bin/sh. A shell that is not there leaves the one that always is.
  const usable = shell && existsSync(shell) ? shell : '/bin/sh';
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment)) {
    if (value !== undefined && KEPT.test(name)) env[name] = value;
  }
  const runtime = `/run/user/${uid}`;
  if (lstatSync(runtime, { throwIfNoEntry: false })?.uid === uid) env.XDG_RUNTIME_DIR = runtime;
  return {
    shell: usable,
    env: {
      ...env,
      HOME: homedir,
      USER: username,
      LOGNAME: username,
      SHELL: usable,
      PATH: uid === 0 ? ROOT_PATH : PATH,
      LIVEMOUNT: '1',
    },
  };
}
