import { spawn } from 'node:child_process';
import path from 'node:path';
import { eventually } from '../e2e/eventually';
import type { Host } from '../e2e/host';

/** Runs the program on a terminal of its own, presses Ctrl+C when it prints "ready", and waits for its end. */
export async function interruptedInTerminal(
  host: Host,
  args: readonly string[],
  before = '',
): Promise<{ readonly screen: string; readonly exitCode: number | null }> {
  const words = [
    process.execPath,
    path.join(host.cli.folder, 'dist/cli.js'),
    '-F',
    host.sshd.configFile,
    ...args,
  ];
  const command = before + words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
  const terminal = spawn('script', ['-q', '-e', '-c', command, '/dev/null'], {
    env: { ...process.env, XDG_STATE_HOME: path.join(host.cli.folder, 'state') },
  });
  let screen = '';
  terminal.stdout.on('data', (chunk) => {
    screen += String(chunk);
  });
  const ended = new Promise<void>((resolve) => terminal.once('close', () => resolve()));
  await eventually('it is ready', () => screen.includes('ready'));
  terminal.stdin.write('\x03');
  await ended;
  return { screen, exitCode: terminal.exitCode };
}
