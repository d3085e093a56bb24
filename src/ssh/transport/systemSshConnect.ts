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
import { type SshProgram, SystemSshTransport } from './systemSshTransport';

export interface SystemSshOptions {
  /** The `ssh` program. */
  readonly program: string;
  readonly configFile?: string;
  readonly prompter: Prompter;
  readonly secrets: LoginAnswers;
  readonly onLog: (line: string) => void;
  readonly signal?: AbortSignal;
  /** Default: that of this machine. */
  readonly platform?: NodeJS.Platform;
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
 *
 * OpenSSH of Windows cannot share a connection, and a batch file is no place for a host's words: there every channel is a
 * connection of its own, and `ssh` uses what needs no question, keys that are not locked and those of an agent.
 */
export async function connectSystemSsh(
  config: HostConfig,
  options: SystemSshOptions,
): Promise<SystemSshTransport> {
  const version = await sshVersion(options.program);
  if (version === undefined) {
    throw new ConnectError('configuration', `the ssh program cannot be run: there is no ${options.program}`);
  }
  const call = callOf(config, options, version);
  return (options.platform ?? process.platform) === 'win32'
    ? withoutMaster(config, call, options)
    : withMaster(config, call, options, version);
}

/** The arguments of every call; what decides over its socket comes before them. */
function callOf(
  config: HostConfig,
  { program, configFile, onLog }: SystemSshOptions,
  version: SshVersion,
): SshProgram {
  // The configuration of the user's own sessions must not reach our channels.
  const noCommand = isAtLeast(version, KNOWS_REMOTE_COMMAND) ? ['-o', 'RemoteCommand=none'] : [];
  const knowsSessions = isAtLeast(version, KNOWS_SESSION_OPTIONS);
  const timeout = config.connectTimeoutS ?? DEFAULT_CONNECT_TIMEOUT_S;
  return {
    program,
    host: config.alias,
    onLog,
    common: [
      ...(configFile === undefined ? [] : ['-F', configFile]),
      ...['-l', config.user, '-p', `${config.port}`],
      // Its last words decide what kind of failure it is, so they must not be silenced.
      ...['-o', 'LogLevel=INFO'],
      // A dead link is found within 12 s, whatever the configuration says.
      ...['-o', 'ServerAliveInterval=3', '-o', 'ServerAliveCountMax=3', '-o', `ConnectTimeout=${timeout}`],
      // A configured yes would let every channel go on without the process that we hold.
      ...(knowsSessions ? ['-o', 'ForkAfterAuthentication=no'] : []),
    ],
    channel: [
      ...['-T', '-o', 'ClearAllForwardings=yes', ...noCommand],
      ...(knowsSessions ? ['-o', 'StdinNull=no'] : []),
    ],
    command: knowsSessions ? ['-o', 'SessionType=default'] : [],
  };
}

async function withMaster(
  config: HostConfig,
  call: SshProgram,
  { prompter, secrets, onLog, signal }: SystemSshOptions,
  version: SshVersion,
): Promise<SystemSshTransport> {
  const owned = new DisposableStore();
  try {
    const folder = socketFolder();
    owned.add(onDispose(() => rmSync(folder, { recursive: true, force: true })));
    let pid: number | undefined;
    const askpass = owned.add(
      await serveAskpass(folder, {
        config,
        prompter,
        secrets,
        marksHostQuestions: isAtLeast(version, MARKS_HOST_QUESTIONS),
        masterPid: () => pid,
      }),
    );
    const controlPath = join(folder, 'c');
    const shared = { ...call, common: [...option('ControlPath', controlPath), ...call.common] };
    const master = spawn(
      call.program,
      [
        ...shared.common,
        ...['-o', 'ControlMaster=yes', '-o', 'ControlPersist=no', '-N'],
        ...[...call.channel, '--', call.host],
      ],
      { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, ...askpass.env } },
    );
    pid = master.pid;
    owned.add(onDispose(() => master.kill()));
    const said = new LastLines(onLog);
    master.stderr.setEncoding('utf8').on('data', said.push);
    master.once('close', () => said.end());
    await listening(master, controlPath, config, said, signal);
    await askpass.succeeded();
    return new SystemSshTransport(shared, owned, { process: master, said: () => said.text, folder });
  } catch (error) {
    owned.dispose();
    throw error;
  }
}

/** The status with which `ssh` ends when it failed itself. */
const SSH_FAILED = 255;

async function withoutMaster(
  config: HostConfig,
  call: SshProgram,
  { onLog, signal }: SystemSshOptions,
): Promise<SystemSshTransport> {
  const alone = ['-o', 'ControlMaster=no', '-o', 'ControlPath=none', '-o', 'BatchMode=yes'];
  const transport = new SystemSshTransport(
    { ...call, common: [...alone, ...call.common] },
    onDispose(() => {}),
  );
  const abort = () => transport.dispose();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    signal?.throwIfAborted();
    // Whatever the host makes of it, it answers; only ssh itself ends so.
    const { stream, stderr, exit } = await transport.exec('exit 0');
    const said = new LastLines(onLog);
    stderr.setEncoding('utf8').on('data', said.push);
    stream.resume();
    const { code } = await exit;
    signal?.throwIfAborted();
    if (code === SSH_FAILED) throw unasked(explain(config, said.text));
    return transport;
  } catch (error) {
    transport.dispose();
    throw error;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

/** The way out where the program cannot ask anybody. */
function unasked(error: ConnectError): ConnectError {
  if (error.failure !== 'authentication' && error.failure !== 'host-key-unknown') return error;
  const hint =
    error.failure === 'authentication'
      ? 'put the key into its agent (ssh-add)'
      : 'connect once in a terminal (ssh HOST)';
  return new ConnectError(
    error.failure,
    `${error.message}. On Windows the ssh program cannot ask from here: ${hint}, or use the built-in client`,
  );
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
