import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, writeSync } from 'node:fs';
import { leaveTerminal } from '../mount/kernel/background';

/** Says that the process was started by `startInBackground`, and is to say when it is ready. */
const STARTED_BY_US = 'LIVEMOUNT_BACKGROUND';
/** Where it says so. */
const READY_FD = 3;

/**
 * Runs this command line again as a process that stays. It may ask its questions on the terminal; when it is ready, or
 * has failed, this ends with its exit status.
 */
export async function startInBackground(args: readonly string[]): Promise<number> {
  const [program = ''] = process.argv.slice(1);
  const child = spawn(process.execPath, [...process.execArgv, program, ...args], {
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
    env: { ...process.env, [STARTED_BY_US]: '1' },
  });
  const ready = child.stdio[READY_FD] as NodeJS.ReadableStream;
  const [outcome] = (await Promise.race([
    once(ready, 'data').then(() => [0]),
    once(child, 'exit').then(([code]) => [code ?? 1]),
  ])) as [number];
  child.unref();
  (ready as unknown as { destroy(): void }).destroy();
  return outcome;
}

/** This process was started by `startInBackground`. */
export function isInBackground(): boolean {
  return process.env[STARTED_BY_US] === '1';
}

/** What was asked for stands: whoever started this process goes on, and this one leaves the terminal. */
export function readyInBackground(): void {
  delete process.env[STARTED_BY_US];
  writeSync(READY_FD, '.');
  closeSync(READY_FD);
  leaveTerminal();
}
