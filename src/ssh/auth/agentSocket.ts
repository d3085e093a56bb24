import { readdirSync } from 'node:fs';
import type { HostConfig } from '../config/hostConfig';

/** Where Windows keeps named pipes; each is a file in it. */
const PIPES = '\\\\.\\pipe\\';

/** The pipe of the agent that comes with Windows. */
const OPENSSH_PIPE = 'openssh-ssh-agent';

/** Pageant's pipe has the user and a hash of the session behind this. */
const PAGEANT_PIPE = /^pageant\./i;

/**
 * The socket of the SSH agent to ask for this host; undefined for none. Windows has named pipes for it, whose agents no
 * variable names: OpenSSH's own, then Pageant's. (ssh_config(5), IdentityAgent)
 *
 * @param pipes the names of the pipes there are.
 */
export function agentSocketOf(
  { identityAgent }: Pick<HostConfig, 'identityAgent'>,
  env: NodeJS.ProcessEnv,
  platform: NodeJS.Platform = process.platform,
  pipes: () => readonly string[] = namedPipes,
): string | undefined {
  if (identityAgent === 'none') return undefined;
  const named = identityAgent ?? env.SSH_AUTH_SOCK;
  if (named !== undefined || platform !== 'win32') return named || undefined;
  const there = pipes();
  const pipe = there.find((name) => name === OPENSSH_PIPE) ?? there.find((name) => PAGEANT_PIPE.test(name));
  return pipe === undefined ? undefined : `${PIPES}${pipe}`;
}

function namedPipes(): string[] {
  try {
    return readdirSync(PIPES);
  } catch {
    return [];
  }
}
