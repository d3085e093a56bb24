import { execFile } from 'node:child_process';
import { ConnectError } from '../connectError';
import { configFiles, readConfig } from './configReader';
import { type ConfigValues, type HostConfig, hostConfigOf } from './hostConfig';
import { type LocalMachine, localMachine } from './localMachine';
import type { Target } from './target';

export interface ResolveOptions {
  /** Read instead of the user's and the system's configuration (`ssh -F`). */
  readonly configFile?: string;
  /** The `ssh` program; `undefined` reads the files ourselves. Default: `ssh`, where it exists. */
  readonly sshProgram?: string | undefined;
  readonly machine?: LocalMachine;
}

const SSH_TIMEOUT_MS = 15_000;

/** What the SSH configuration says about a target. ConnectError `configuration` if it cannot be read. */
export async function resolveHost(target: Target, options: ResolveOptions = {}): Promise<HostConfig> {
  const machine = options.machine ?? localMachine();
  const program = 'sshProgram' in options ? options.sshProgram : 'ssh';
  const asked = program === undefined ? undefined : await askSsh(program, target, options.configFile);
  const values = asked ?? (await readConfig(target, configFiles(machine, options.configFile), machine));
  return hostConfigOf(target, values, machine);
}

/** What `ssh -G` prints, or nothing where there is no such program. */
async function askSsh(
  program: string,
  target: Target,
  configFile: string | undefined,
): Promise<ConfigValues | undefined> {
  const args = ['-G'];
  if (configFile !== undefined) args.push('-F', configFile);
  if (target.user !== undefined) args.push('-l', target.user);
  if (target.port !== undefined) args.push('-p', `${target.port}`);
  const host = ['--', target.host];
  let answer = await run(program, [...args, ...host]);
  // ForkAfterAuthentication: ssh wants a command for it. Our channels bring theirs, so here -N says that none is needed.
  if (answer.failure !== undefined && /Cannot fork into background/.test(answer.stderr))
    answer = await run(program, [...args, '-N', ...host]);
  const { failure, stdout, stderr } = answer;
  if (failure === undefined) return answerAbout(target, parseSshG(stdout));
  if (failure.code === 'ENOENT') return undefined;
  throw new ConnectError(
    'configuration',
    `the SSH configuration cannot be used: ${stderr.trim() || failure.message}`,
  );
}

interface ProgramRun {
  readonly failure?: NodeJS.ErrnoException;
  readonly stdout: string;
  readonly stderr: string;
}

function run(program: string, args: readonly string[]): Promise<ProgramRun> {
  return new Promise((resolve) => {
    execFile(program, args, { timeout: SSH_TIMEOUT_MS }, (error, stdout, stderr) =>
      resolve({ ...(error !== null && { failure: error as NodeJS.ErrnoException }), stdout, stderr }),
    );
  });
}

/** Reads the output of `ssh -G`: one `keyword value` a line, repeated for several values. */
function parseSshG(text: string): Map<string, string[]> {
  const values = new Map<string, string[]>();
  for (const line of text.split(/\r?\n/)) {
    const [, keyword, value] = /^(\S+) (.*)$/.exec(line) ?? [];
    if (keyword === undefined || value === undefined) continue;
    const known = values.get(keyword);
    if (known === undefined) values.set(keyword, [value]);
    else known.push(value);
  }
  return values;
}

/** Keywords that `ssh -G` prints once. A second line would come out of a value that has a line end in it. */
const PRINTED_ONCE = ['user', 'hostname', 'port', 'proxycommand', 'proxyjump', 'knownhostscommand'] as const;

/** The answer, if it is about what was asked; ConnectError `configuration` if not. */
function answerAbout(target: Target, values: ConfigValues): ConfigValues {
  const printed = (keyword: string) => values.get(keyword) ?? [];
  const twice = PRINTED_ONCE.find((keyword) => printed(keyword).length > 1);
  const other =
    printed('user').length !== 1
      ? 'user'
      : target.user !== undefined && printed('user')[0] !== target.user
        ? 'user'
        : target.port !== undefined && printed('port')[0] !== `${target.port}`
          ? 'port'
          : twice;
  if (other === undefined) return values;
  throw new ConnectError(
    'configuration',
    `the SSH configuration gives this host more than one ${other}, or another one than was asked for`,
  );
}
