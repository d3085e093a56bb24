import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Client } from 'ssh2';
import { type Disposable, onDispose } from '../../base/dispose';
import { algorithmsFor } from './algorithms';
import { Authenticator } from '../auth/auth';
import { agentSocketOf } from '../auth/agentSocket';
import type { HostConfig } from '../config/hostConfig';
import { parseTarget } from '../config/target';
import { ConnectError, USE_SYSTEM_SSH } from '../connectError';
import { Deadline } from './deadline';
import { dialCommand, dialTcp } from './dial';
import { HostKeyVerifier } from '../auth/hostKeys';
import type { Prompter } from '../auth/prompter';
import type { LoginAnswers } from '../auth/loginAnswers';
import { keepAliveOnData } from './ssh2Internals';
import { Ssh2Transport } from './ssh2Transport';

export interface Ssh2ConnectOptions {
  /** Configuration of a hop of ProxyJump. */
  readonly resolve: (target: ReturnType<typeof parseTarget>) => Promise<HostConfig>;
  readonly prompter: Prompter;
  readonly secrets: LoginAnswers;
  /** Takes newly trusted host keys. */
  readonly hostKeyStore?: string;
  readonly env: NodeJS.ProcessEnv;
  /** OpenSSH can be taken where the built-in client is not enough. */
  readonly canUseOpenSsh: boolean;
  readonly signal?: AbortSignal;
  readonly onLog: (line: string) => void;
}

/** For the TCP connection and the key exchange together, unless ConnectTimeout says otherwise. */
const DEFAULT_CONNECT_TIMEOUT_S = 15;

/** For a host to decide on what was offered to it: some ask a directory on a slow network. */
const AUTH_TIMEOUT_MS = 60_000;

/**
 * A sign of life is asked for this often, and two may stay unanswered: a dead link is found 13.5 s after its last
 * byte, within the 15 s that are promised.
 */
const KEEPALIVE_MS = 4500;
const KEEPALIVE_MISSED = 2;

/** Each hop has its own configuration, which may name further hops. */
const MAX_HOPS = 8;

/** Connects and authenticates with the built-in client, through all the hops that are configured. */
export async function connectSsh2(
  config: HostConfig,
  options: Ssh2ConnectOptions,
  depth = 0,
): Promise<Ssh2Transport> {
  if (depth > MAX_HOPS)
    throw new ConnectError('configuration', `${config.alias}: more than ${MAX_HOPS} jump hosts`);
  options.signal?.throwIfAborted();
  const limitMs = (config.connectTimeoutS ?? DEFAULT_CONNECT_TIMEOUT_S) * 1000;
  const { stream, owned } = await openStream(config, options, limitMs, depth);
  try {
    return await handshake(config, stream, owned, options, limitMs);
  } catch (error) {
    stream.destroy();
    owned.dispose();
    throw error;
  }
}

interface OpenStream {
  readonly stream: Duplex;
  /** What has to go with the connection. */
  readonly owned: Disposable;
}

async function openStream(
  config: HostConfig,
  options: Ssh2ConnectOptions,
  limitMs: number,
  depth: number,
): Promise<OpenStream> {
  const nothing = onDispose(() => {});
  const last = config.proxyJump.at(-1);
  if (last !== undefined) {
    const hop = await options.resolve(parseTarget(last));
    const earlier = config.proxyJump.slice(0, -1);
    // Hops in front of the last one replace what that one's own configuration says about jumping.
    const jump = await connectSsh2(
      earlier.length > 0 ? { ...hop, proxyJump: earlier } : hop,
      options,
      depth + 1,
    );
    try {
      return { stream: await jump.openTcp(config.hostName, config.port), owned: jump };
    } catch (error) {
      jump.dispose();
      throw error;
    }
  }
  if (config.proxyCommand !== undefined) {
    return { stream: dialCommand(config.proxyCommand, options.onLog), owned: nothing };
  }
  return { stream: await dialTcp(config, limitMs), owned: nothing };
}

async function handshake(
  config: HostConfig,
  stream: Duplex,
  owned: Disposable,
  options: Ssh2ConnectOptions,
  limitMs: number,
): Promise<Ssh2Transport> {
  const { prompter, secrets, env, signal, onLog } = options;
  const client = new Client();
  const deadline = new Deadline(
    limitMs,
    () => new ConnectError('timeout', `${config.alias} stopped answering while connecting`),
  );
  const { hostKeyStore, canUseOpenSsh } = options;
  const verifier = new HostKeyVerifier(config, {
    prompter,
    secrets,
    canUseOpenSsh,
    onLog,
    ...(hostKeyStore !== undefined && { storeFile: hostKeyStore }),
  });
  const authenticator = new Authenticator(
    config,
    agentSocketOf(config, env),
    prompter,
    secrets,
    deadline.interrupted,
    () => !verifier.isDoubtful,
  );
  const saidInstead = wordsBeforeVersion(stream);
  let refused: unknown;
  let abort = () => {};

  const ready = new Promise<void>((resolve, reject) => {
    client.on('ready', resolve);
    client.on('error', (error: Error & { level?: string }) => {
      // A key that could not sign: the next one is tried.
      if (error.level === 'agent') onLog(`${config.alias}: ${error.message}`);
      else reject(refused ?? explain(error, config, authenticator, saidInstead()));
    });
    client.on('close', () => {
      // Dropbear and others say nothing when they have had enough of our keys or passwords: they hang up. A host that
      // lost its patience with somebody who types (LoginGraceTime) is another matter.
      const hadEnough = authenticator.hasOffered && !deadline.isInterrupted;
      reject(
        refused ??
          (hadEnough
            ? authenticator.failure('it closed the connection')
            : new ConnectError(
                'unreachable',
                `${config.alias} closed the connection while connecting${saidInstead()}`,
              )),
      );
    });
    client.on('handshake', () => deadline.restart(AUTH_TIMEOUT_MS));
    client.on('banner', (text) => onLog(`${config.alias}: ${text.trim()}`));
    abort = () => reject(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
  });
  try {
    client.connect({
      sock: stream as Socket,
      username: config.user,
      algorithms: algorithmsFor(config, verifier.recordedTypes),
      hostVerifier: (key: Buffer, done: (trusted: boolean) => void) => {
        deadline.interrupted(verifier.verify(key)).then(
          () => done(true),
          (error) => {
            refused = error;
            done(false);
          },
        );
      },
      authHandler: authenticator.handler,
      keepaliveInterval: KEEPALIVE_MS,
      keepaliveCountMax: KEEPALIVE_MISSED,
      // Its clock would also run while the user is being asked.
      readyTimeout: 0,
    });
    await Promise.race([ready, deadline.expired]);
    await authenticator.succeeded();
  } catch (error) {
    client.on('error', () => {}); // What follows from giving up.
    client.destroy();
    throw error;
  } finally {
    deadline.stop();
    signal?.removeEventListener('abort', abort);
    ready.catch(() => {}); // Said already, or no longer of interest.
  }
  keepAliveOnData(client, stream);
  const everything = onDispose(() => {
    // ssh2 only ends a connection that it takes for writable, which one that was just ended is not.
    stream.destroy();
    owned.dispose();
  });
  return new Ssh2Transport(client, everything, (line) => onLog(`${config.alias}: ${line}`));
}

/** Of a refusal in words. */
const LONGEST_REFUSAL = 300;

/** What a failed call on the socket means to people; its own words are the cause's. */
const BROKEN_OFF = 'the connection was cut before the login';

/**
 * What a server says instead of its version (RFC 4253, 4.2) before it hangs up: that it has too many connections, or does
 * not like us at this time. Ready to stand behind a sentence; empty once it has said its version.
 */
function wordsBeforeVersion(stream: Duplex): () => string {
  let words = '';
  const take = (chunk: Buffer) => {
    words = `${words}${chunk.toString('latin1')}`.slice(0, LONGEST_REFUSAL);
    if (!/(?:^|\n)SSH-/.test(words)) return;
    words = '';
    stream.off('data', take);
  };
  stream.on('data', take);
  return () => (words.trim() === '' ? '' : `: ${words.trim()}`);
}

function explain(
  error: Error & { level?: string },
  config: HostConfig,
  authenticator: Authenticator,
  saidInstead: string,
): ConnectError {
  if (error instanceof ConnectError) return error;
  if (error.level === 'client-authentication') return authenticator.failure();
  // A host that has had enough ends the connection instead of the login (MaxAuthTries).
  if (/authentication fail|access denied|permission denied|auth(?:entication)? tries/i.test(error.message))
    return authenticator.failure(error.message);
  if (error.level === 'handshake' || /no matching/.test(error.message)) {
    return new ConnectError(
      'configuration',
      `${config.alias} and the built-in client have no common algorithm (${error.message}): ${USE_SYSTEM_SSH}`,
      { cause: error, needsOpenSsh: true },
    );
  }
  return new ConnectError(
    'unreachable',
    `connecting to ${config.alias} failed: ${'syscall' in error ? BROKEN_OFF : error.message}${saidInstead}`,
    { cause: error },
  );
}
