import { realpathSync, statSync } from 'node:fs';
import { ErrnoError, errnoOf } from '../protocol/errno';
import { standardInput, standardOutput } from './standardStream';
import { AgentServer } from './agentServer';
import { parseServeOptions } from './serveOptions';

/**
 * `agent.js serve --stdio --root DIR`: one session on standard input and output, which carry nothing but frames.
 * Gives the exit code: 0 when the client ended, 2 when what it sent is no FUSE.
 */
export async function serveStdio(args: readonly string[]): Promise<number> {
  const options = parseServeOptions(args);
  const log = (message: string) => process.stderr.write(`livemount agent: ${message}\n`);
  const agent = new AgentServer({
    root: Buffer.from(checkedRoot(options.root)),
    cache: options.cache,
    backend: options.backend,
    graceS: 0,
    log,
  });
  const output = standardOutput();
  if (options.marker !== undefined) output.write(`${options.marker} ready {}\n`);
  const error = await agent.server.accept(standardInput(), output, true);
  await agent.close();
  if (error === undefined) return 0;
  log(error.message);
  return 2;
}

/** The served directory, with its symbolic links followed once and for all. */
function checkedRoot(root: string): string {
  try {
    const real = realpathSync(root);
    if (!statSync(real).isDirectory()) throw new ErrnoError('ENOTDIR', `--root ${root} is not a directory`);
    return real;
  } catch (error) {
    if (error instanceof ErrnoError) throw error;
    throw new ErrnoError(errnoOf(error), `--root ${root} can't be served`);
  }
}
