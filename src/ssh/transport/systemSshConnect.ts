import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DisposableStore, onDispose } from '../../base/dispose';
import { serveAskpass } from './askpass';
import type { HostConfig } from '../config/hostConfig';
import { ConnectError } from '../connectError';
import type { Prompter } from '../auth/prompter';
import type { SessionSecrets } from '../auth/secrets';
import { SystemSshTransport } from './systemSshTransport';

export interface SystemSshOptions {
  /** The `ssh` program. */
  readonly program: string;
  readonly configFile?: string;
  readonly prompter: Prompter;
  readonly secrets: SessionSecrets;
  readonly onLog: (line: string) => void;
  readonly signal?: AbortSignal;
}

const POLL_MS = 20;
const DEFAULT_CONNECT_TIMEOUT_S = 15;

/**
 * Connects with the system's `ssh` program: one process holds the connection (ControlMaster), and every channel is a
 * process that uses it. The program does everything it is configured for, and asks through our prompter.
 */
export async function connectSystemSsh(
  config: HostConfig,
  options: SystemSshOptions,
): Promise<SystemSshTransport> {
  const owned = new DisposableStore();
  try {
    // A socket's path is short; so is this one.
    const folder = mkdtempSync(join(tmpdir(), 'lm-ssh-'));
    owned.add(onDispose(() => rmSync(folder, { recursive: true, force: true })));
    const askpass = owned.add(await serveAskpass(folder, { host: config.alias, ...options }));
    const controlPath = join(folder, 'c');
    const common = [
      ...(options.configFile === undefined ? [] : ['-F', options.configFile]),
      ...['-o', `ControlPath=${controlPath}`, '-l', config.user, '-p', `${config.port}`],
    ];
    const timeout = config.connectTimeoutS ?? DEFAULT_CONNECT_TIMEOUT_S;
    const master = spawn(
      options.program,
      [
        ...common,
        ...['-N', '-T', '-o', 'ControlMaster=yes', '-o', 'ControlPersist=no'],
        // A dead link is found within 12 s, whatever the configuration says.
        ...['-o', 'ServerAliveInterval=3', '-o', 'ServerAliveCountMax=3', '-o', `ConnectTimeout=${timeout}`],
        ...['-o', 'ForkAfterAuthentication=no', '-o', 'ClearAllForwardings=yes', '-o', 'RemoteCommand=none'],
        ...['--', config.alias],
      ],
      { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, ...askpass.env } },
    );
    owned.add(onDispose(() => master.kill()));
    const said = collect(master, options.onLog);
    await listening(master, controlPath, config, said, options.signal);
    await askpass.succeeded();
    return new SystemSshTransport({
      master,
      said,
      owned,
      folder,
      program: options.program,
      common,
      host: config.alias,
    });
  } catch (error) {
    owned.dispose();
    throw error;
  }
}

/** Passes on what the program prints, and keeps the end of it for the error message. */
function collect({ stderr }: ChildProcess, onLog: (line: string) => void): () => string {
  let said = '';
  stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = `${said}${text}`.slice(-2000);
    for (const line of text.split('\n')) if (line.trim() !== '') onLog(line.trim());
  });
  return () => said.trim();
}

/** Resolves once the control socket is there, which `ssh` makes when it is authenticated. */
async function listening(
  master: ChildProcess,
  controlPath: string,
  config: HostConfig,
  said: () => string,
  signal: AbortSignal | undefined,
): Promise<void> {
  let ended: ConnectError | undefined;
  master.once('error', (error) => {
    ended = new ConnectError('configuration', `the ssh program cannot be run: ${error.message}`);
  });
  master.once('close', () => {
    ended ??= explain(config, said());
  });
  while (!existsSync(controlPath)) {
    signal?.throwIfAborted();
    if (ended !== undefined) throw ended;
    await delay(POLL_MS);
  }
}

/** Sorts what OpenSSH printed before it gave up. */
function explain(config: HostConfig, said: string): ConnectError {
  const failures: readonly [RegExp, ConstructorParameters<typeof ConnectError>[0]][] = [
    [/REMOTE HOST IDENTIFICATION HAS CHANGED/, 'host-key-changed'],
    [/REVOKED HOST KEY|is marked as revoked/i, 'host-key-revoked'],
    [/Host key verification failed|No \S+ host key is known/, 'host-key-unknown'],
    [/Permission denied|Too many authentication failures/, 'authentication'],
    [/timed out/, 'timeout'],
    [/Bad configuration|Bad owner or permissions|no matching/i, 'configuration'],
  ];
  const failure = failures.find(([pattern]) => pattern.test(said))?.[1] ?? 'unreachable';
  return new ConnectError(
    failure,
    `ssh did not connect to ${config.alias}: ${said || 'it ended without a word'}`,
  );
}
