import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { ConnectError } from '../connectError';
import type { SshTransport } from '../transport/transport';
import { type AskSudoPassword, Conversation, type ConversationOptions } from './conversation';
import type { DaemonIdentity } from './daemonIdentity';
import { decodeReady } from './hostAnswers';
import { type HostBootConfig, hostBootSource } from './hostBoot';
import { launchCommand } from './launchCommand';
import type { AgentPayload } from './payload';

export interface BootstrapOptions extends ConversationOptions {
  /** Seconds the daemon stays after its last session is gone; at most 3 hours, the agent's default is 30 minutes. */
  readonly graceS?: number;
  /** Node programs on the host to try before searching. */
  readonly nodePaths?: readonly string[];
  /** Uses no Node but those of `nodePaths`. */
  readonly onlyNodePaths?: boolean;
}

/** A channel to the agent: from here on it carries frames in both directions. */
export interface AgentChannel {
  readonly channel: Duplex;
  readonly daemon: DaemonIdentity;
  /** Whether the agent had to be sent first. */
  readonly uploaded: boolean;
}

/**
 * Starts the agent, or attaches to it, in one exec, sending it first where the host does not have it.
 * ConnectError: `no-runtime` (a `NoRuntimeError`) without a usable Node, `agent` where it cannot be stored or started.
 */
export async function bootstrap(
  transport: SshTransport,
  payload: AgentPayload,
  options: BootstrapOptions = {},
): Promise<AgentChannel> {
  const args = options.graceS === undefined ? [] : ['--grace', `${options.graceS}`];
  return converse(transport, payload, options, { command: 'connect', args }, async (conversation) => {
    const ready = await conversation.untilReady(payload, noPassword);
    const { channel, uploaded } = conversation;
    return { channel, daemon: decodeReady(ready), uploaded };
  });
}

/**
 * Starts a server of root's through sudo, in an exec of its own, which ends with the channel: what is written and read
 * are frames. The password goes to sudo and nowhere else. ErrnoError EACCES, with sudo's words, when it does not let the
 * user; ECANCELED when the user gave up; else as `bootstrap`.
 */
export async function bootstrapAsRoot(
  transport: SshTransport,
  payload: AgentPayload,
  askPassword: AskSudoPassword,
  options: Omit<BootstrapOptions, 'graceS'> = {},
): Promise<Duplex> {
  return converse(transport, payload, options, { command: 'as-root', args: [] }, async (conversation) => {
    await conversation.untilReady(payload, askPassword);
    return conversation.channel;
  });
}

const noPassword: AskSudoPassword = () =>
  Promise.reject(new ConnectError('agent', 'the host asks for a password, which nobody expected'));

async function converse<T>(
  transport: SshTransport,
  payload: AgentPayload,
  options: BootstrapOptions,
  start: Pick<HostBootConfig, 'command' | 'args'>,
  talk: (conversation: Conversation) => Promise<T>,
): Promise<T> {
  const marker = randomBytes(16).toString('hex');
  const source = hostBootSource({
    marker,
    agentHash: payload.agent.sha256,
    nativeHashes: Object.fromEntries([...payload.natives].map(([kind, part]) => [kind, part.sha256])),
    ...start,
  });
  const command = launchCommand({
    marker,
    source,
    ...(options.nodePaths && { preferred: options.nodePaths }),
    ...(options.onlyNodePaths && { onlyPreferred: true }),
  });
  const exec = await transport.exec(command);
  try {
    return await talk(new Conversation(exec, marker, options));
  } catch (error) {
    exec.stream.destroy();
    throw error;
  }
}
