import { spawnSync } from 'node:child_process';
import type { Readable } from 'node:stream';
import { type Disposable, onDispose } from '../base/dispose';
import type { TerminalSize } from '../client/processes/processes';

/** The terminal this program runs in, for a program of the host to run in it. */
export interface LocalTerminal {
  readonly size: TerminalSize;
  /** Every key goes through as it is, until the result is disposed. */
  raw(): Disposable;
  onResize(listener: () => void): Disposable;
}

/** The terminal of this process; undefined where standard input or output is none. */
export function localTerminal(
  stdin: Readable & { isTTY?: boolean; setRawMode?(mode: boolean): unknown },
  stdout: NodeJS.WriteStream,
): LocalTerminal | undefined {
  if (stdin.isTTY !== true || stdout.isTTY !== true) return undefined;
  return {
    get size() {
      return { cols: stdout.columns, rows: stdout.rows };
    },
    raw() {
      stdin.setRawMode?.(true);
      // Node leaves newlines to be translated, which the terminal on the host has done. All is put back together.
      spawnSync('stty', ['-opost'], { stdio: ['inherit', 'ignore', 'ignore'] });
      return onDispose(() => stdin.setRawMode?.(false));
    },
    onResize(listener) {
      stdout.on('resize', listener);
      return onDispose(() => stdout.off('resize', listener));
    },
  };
}
