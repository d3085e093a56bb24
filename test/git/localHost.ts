// Git of this machine, as the git part asks for it, and throwaway repositories.
import { spawn } from 'node:child_process';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { commandOf } from '../../src/client/git/call';
import type { GitCall, GitHost, GitOutcome } from '../../src/client/git/host';
import { GitRepository, gitVersion } from '../../src/client/git/repository';

/** What git would take from the person who runs the tests. */
export const cleanEnv = {
  ...process.env,
  HOME: '/nonexistent',
  XDG_CONFIG_HOME: '/nonexistent',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'Ada',
  GIT_AUTHOR_EMAIL: 'ada@example.org',
  GIT_COMMITTER_NAME: 'Ada',
  GIT_COMMITTER_EMAIL: 'ada@example.org',
  LC_ALL: 'C',
};

export class LocalHost implements GitHost {
  /** How often git was started. */
  runs = 0;
  now = 1_700_000_000;

  /** @param path where its programs are looked up first */
  constructor(private readonly path?: string) {}

  async git(call: GitCall): Promise<GitOutcome> {
    this.runs++;
    const { argv, env } = commandOf(call);
    return this.run(argv, { ...call, env });
  }

  script(
    text: string,
    args: readonly string[],
    how: Pick<GitCall, 'signal' | 'output'> = {},
  ): Promise<GitOutcome> {
    return this.run(['sh', '-c', text, 'sh', ...args], { cwd: '/', ...how });
  }

  private async run(argv: readonly string[], call: Omit<GitCall, 'args'>): Promise<GitOutcome> {
    const { env } = call;
    const [program = '', ...args] = argv;
    const child = spawn(program, args, {
      cwd: call.cwd,
      env: {
        ...cleanEnv,
        ...env,
        ...(this.path !== undefined && { PATH: `${this.path}:${process.env.PATH ?? ''}` }),
      },
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => (call.output ? call.output(chunk) : stdout.push(chunk)));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.stdin.on('error', () => undefined);
    child.stdin.end(call.stdin ?? '');
    const code = await new Promise<number>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (status) => resolve(status ?? 255));
    });
    return { code, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr) };
  }

  async exists(file: string): Promise<boolean> {
    return existsSync(file);
  }

  async read(file: string): Promise<Buffer | undefined> {
    return existsSync(file) ? readFileSync(file) : undefined;
  }

  async remove(file: string): Promise<void> {
    rmSync(file, { force: true });
  }

  seconds(): number {
    return this.now;
  }
}

/** Runs git as somebody on the host does. */
export function git(folder: string, ...args: string[]): string {
  return execFileSync('git', args, {
    cwd: folder,
    env: cleanEnv,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

export function scratch(t: TestContext): string {
  const folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'livemount-git-')));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A new repository without commits, on the branch main. */
export async function newRepository(t: TestContext, folder = scratch(t)) {
  git(folder, 'init', '-q');
  git(folder, 'symbolic-ref', 'HEAD', 'refs/heads/main');
  const host = new LocalHost();
  const repository = await GitRepository.find(host, await gitVersion(host, folder), folder);
  if (!repository) throw new Error(`no repository in ${folder}`);
  return { folder, host, repository };
}
