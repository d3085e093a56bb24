import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DisposableStore, onDispose } from '../../base/dispose';
import { serveAskpass } from './askpass';
import type { HostConfig } from '../config/hostConfig';
import { ConnectError } from '../connectError';
import { LastLines } from '../../base/lastLines';
import type { Prompter } from '../auth/prompter';
import type { LoginAnswers } from '../auth/loginAnswers';
import { isAtLeast, type SshVersion, sshVersion } from './sshProgram';
import { SystemSshTransport } from './systemSshTransport';

export interface SystemSshOptions {
  /** The `ssh` program. */
  readonly program: string;
  readonly configFile?: string;
  readonly prompter: Prompter;
  readonly secrets: LoginAnswers;
  readonly onLog: (line: string) => void;
  readonly signal?: AbortSignal;
}

const POLL_MS = 20;
const DEFAULT_CONNECT_TIMEOUT_S = 15;

/** The first version of OpenSSH that shows whose question it passes on. */
const MARKS_HOST_QUESTIONS: SshVersion = { major: 8, minor: 5 };
/** The first version that knows ForkAfterAuthentication, SessionType and StdinNull. */
const KNOWS_SESSION_OPTIONS: SshVersion = { major: 8, minor: 7 };
/** The first version that knows RemoteCommand. */
const KNOWS_REMOTE_COMMAND: SshVersion = { major: 7, minor: 6 };

/** A socket's path has a bound of about 100 bytes, and `ssh` puts 17 behind the name while it makes it. */
const LONGEST_FOLDER = 60;

/** A private folder for sockets, where their paths stay short. */
function socketFolder(): string {
  const usual = tmpdir();
  return mkdtempSync(join(usual.length > LONGEST_FOLDER && existsSync('/tmp') ? '/tmp' : usual, 'lm-ssh-'));
}

/** `keyword=value` for `-o`, in which nothing of the value is a token or the end of it. */
function option(keyword: string, value: string): string[] {
  return ['-o', `${keyword}="${value.replaceAll('%', '%%')}"`];
}

/**
 * Connects with the system's `ssh` program: one process holds the connection (ControlMaster), and every channel is a
 * process that uses it. The program does everything it is configured for, and asks through our prompter.
 */
export async function connectSystemSsh(
  config: HostConfig,
  options: SystemSshOptions,
): Promise<SystemSshTransport> {
  const { program, configFile, prompter, secrets, onLog, signal } = options;
  const version = await sshVersion(program);
  if (version === undefined)
    throw new ConnectError('configuration', `the ssh program cannot be run: there is no ${program}`);
  const owned = new DisposableStore();
  try {
    const folder = socketFolder();
    owned.add(onDispose(() => rmSync(folder, { recursive: true, force: true })));
    let master: ChildProcess | undefined;
    const askpass = owned.add(
      await serveAskpass(folder, {
        config,
        prompter,
        secrets,
        marksHostQuestions: isAtLeast(version, MARKS_HOST_QUESTIONS),
        masterPid: () => master?.pid,
      }),
    );
    const controlPath = join(folder, 'c');
    const common = [
      ...(configFile === undefined ? [] : ['-F', configFile]),
      ...option('ControlPath', controlPath),
      ...['-l', config.user, '-p', `${config.port}`],
      // Its last words decide what kind of failure it is, so they must not be silenced.
      ...['-o', 'LogLevel=INFO'],
      // A configured yes would let every channel go on without the process that we hold.
      ...(isAtLeast(version, KNOWS_SESSION_OPTIONS) ? ['-o', 'ForkAfterAuthentication=no'] : []),
    ];
    // The configuration of the user's own sessions must not reach our channels.
    const noCommand = isAtLeast(version, KNOWS_REMOTE_COMMAND) ? ['-o', 'RemoteCommand=none'] : [];
    const channel = [
      ...['-T', '-o', 'ClearAllForwardings=yes', ...noCommand],
      ...(isAtLeast(version, KNOWS_SESSION_OPTIONS) ? ['-o', 'StdinNull=no'] : []),
    ];
    const command = isAtLeast(version, KNOWS_SESSION_OPTIONS) ? ['-o', 'SessionType=default'] : [];
    const timeout = config.connectTimeoutS ?? DEFAULT_CONNECT_TIMEOUT_S;
    const child = spawn(
      program,
      [
        ...common,
        ...['-N', '-T', '-o', 'ControlMaster=yes', '-o', 'ControlPersist=no'],
        // A dead link is found within 12 s, whatever the configuration says.
        ...['-o', 'ServerAliveInterval=3', '-o', 'ServerAliveCountMax=3', '-o', `ConnectTimeout=${timeout}`],
        ...['-o', 'ClearAllForwardings=yes', ...noCommand],
        ...['--', config.alias],
      ],
      { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, ...askpass.env } },
    );
    master = child;
    owned.add(onDispose(() => child.kill()));
    const said = new LastLines(onLog);
    child.stderr.setEncoding('utf8').on('data', said.push);
    child.once('close', () => said.end());
    await listening(child, controlPath, config, said, signal);
    await askpass.succeeded();
    return new SystemSshTransport({
      master: child,
      said: () => said.text,
      owned,
      folder,
      program,
      common,
      channel,
      command,
      host: config.alias,
      onLog,
    });
  } catch (error) {
    owned.dispose();
    throw error;
  }
}

/** Resolves once the control socket is there, which `ssh` makes when it is authenticated. */
async function listening(
  master: ChildProcess,
  controlPath: string,
  config: HostConfig,
  said: LastLines,
  signal: AbortSignal | undefined,
): Promise<void> {
  let ended: ConnectError | undefined;
  master.once('error', (error) => {
    ended = new ConnectError('configuration', `the ssh program cannot be run: ${error.message}`);
  });
  master.once('close', () => {
    ended ??= explain(config, said.text);
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
    [/Permission denied|authentication failures|Authentication failed/i, 'authentication'],
    [/timed out/, 'timeout'],
    [/Bad configuration|Bad owner or permissions|no matching/i, 'configuration'],
  ];
  const failure = failures.find(([pattern]) => pattern.test(said))?.[1] ?? 'unreachable';
  return new ConnectError(
    failure,
    `ssh did not connect to ${config.alias}: ${said || 'it ended without a word'}`,
  );
}
