import type { HostConfig } from '../config/hostConfig';

/** The socket of the SSH agent to ask for this host; undefined for none. (ssh_config(5), IdentityAgent) */
export function agentSocketOf({ identityAgent }: HostConfig, env: NodeJS.ProcessEnv): string | undefined {
  if (identityAgent === 'none') return undefined;
  return identityAgent ?? env.SSH_AUTH_SOCK;
}
