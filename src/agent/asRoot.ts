import { spawn } from 'node:child_process';
import { writeSync } from 'node:fs';
import { constants } from 'node:os';
import type { Readable } from 'node:stream';
import { parseArgs } from 'node:util';
import { LastLines } from '../base/lastLines';
import { ErrnoError } from '../protocol/errno';

/** How a shell says that it was a signal: 128 and its number. */
const BY_SIGNAL = 128;

/**
 * `agent.js as-root --marker TEXT`: becomes, through sudo(8), a server of root's on standard input and output, for as
 * long as they are open. Before the first frame there are lines on standard output:
 *
 *     MARKER password {"attempt":N}   the client answers with one line, the user's password
 *     MARKER refused {"message":..}   there is no sudo, or it did not let the user
 *     MARKER ready {}                 frames from here on
 *
 * Nothing is asked where sudo needs no password. The client sends nothing of itself before `ready`: what comes in goes
 * to sudo, which reads no further than the line it asked for. Gives the exit code.
 */
export async function runAsRoot(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: { marker: { type: 'string' } } });
  const { marker } = values;
  if (!marker) throw new ErrnoError('EINVAL', 'usage: agent.js as-root --marker TEXT');
  const say = (verb: string, body: object) => writeSync(1, `${marker} ${verb} ${JSON.stringify(body)}\n`);

  // No name for a program: the one that runs already, by its path, whatever PATH root has.
  const server = [
    process.execPath,
    process.argv[1] ?? '',
    'serve',
    '--stdio',
    '--root',
    '/',
    '--marker',
    marker,
  ];
  const prompt = `${marker}?`;
  const sudo = spawn('sudo', ['-S', '-p', prompt, '--', ...server], { stdio: ['pipe', 'inherit', 'pipe'] });
  const ended = new Promise<number>((resolve) => {
    sudo.once('error', () => resolve(-1));
    sudo.once('exit', (code, signal) =>
      resolve(code ?? BY_SIGNAL + (signal === null ? 0 : constants.signals[signal])),
    );
  });
  process.stdin.pipe(sudo.stdin);
  sudo.stdin.on('error', () => {
    // It ended first, which its exit tells.
  });
  const said = watchPrompts(sudo.stderr, prompt, (attempt) => say('password', { attempt }));
  const code = await ended;
  process.stdin.unpipe();
  if (code === -1) say('refused', { message: 'this host has no sudo' });
  else if (code !== 0) say('refused', { message: said() || `sudo ended with status ${code}` });
  return code === -1 ? 1 : code;
}

/** Calls whenever the prompt comes on sudo's standard error, and passes on the rest. Gives what was said last. */
function watchPrompts(stderr: Readable, prompt: string, asked: (attempt: number) => void): () => string {
  let attempts = 0;
  let pending = '';
  const kept = new LastLines();
  const pass = (text: string) => {
    kept.push(text);
    process.stderr.write(text);
  };
  stderr.setEncoding('utf8').on('data', (text: string) => {
    pending += text;
    for (let at = pending.indexOf(prompt); at >= 0; at = pending.indexOf(prompt)) {
      pass(pending.slice(0, at));
      pending = pending.slice(at + prompt.length);
      asked(++attempts);
    }
    // A prompt may come in pieces; all else comes in lines.
    const line = pending.lastIndexOf('\n') + 1;
    pass(pending.slice(0, line));
    pending = pending.slice(line);
  });
  return () => `${kept.text}\n${pending}`.trim();
}
