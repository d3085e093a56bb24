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
function askSsh(
  program: string,
  target: Target,
  configFile: string | undefined,
): Promise<ConfigValues | undefined> {
  const args = ['-G'];
  if (configFile !== undefined) args.push('-F', configFile);
  if (target.user !== undefined) args.push('-l', target.user);
  if (target.port !== undefined) args.push('-p', `${target.port}`);
  args.push('--', target.host);
  return new Promise((resolve, reject) => {
    execFile(program, args, { timeout: SSH_TIMEOUT_MS }, (error, stdout, stderr) => {
      if (error === null) resolve(parseSshG(stdout));
      else if ('code' in error && (error.code as unknown) === 'ENOENT') resolve(undefined);
      else
        reject(
          new ConnectError(
            'configuration',
            `the SSH configuration cannot be used: ${stderr.trim() || error.message}`,
          ),
        );
    });
  });
}

/** Reads the output of `ssh -G`: one `keyword value` a line, repeated for several values. */
function parseSshG(text: string): ConfigValues {
  const values = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [, keyword, value] = /^(\S+) (.*)$/.exec(line) ?? [];
    if (keyword === undefined || value === undefined) continue;
    const known = values.get(keyword);
    if (known === undefined) values.set(keyword, [value]);
    else known.push(value);
  }
  return values;
}
