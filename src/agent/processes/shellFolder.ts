import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { claimPrivateFolder } from '../daemon/privateFolder';
import type { MarkedShell } from '../../server/processes/launch';
import { SHELL_SCRIPTS } from './shellScripts';

/** The daemon's folder for its terminals: the shells' scripts, and `lm`, which is on the PATH in there alone. */
export class ShellFolder {
  /** @param lmCommand what runs `lm`, word by word. */
  constructor(
    readonly path: string,
    private readonly lmCommand: readonly string[],
  ) {}

  get bin(): string {
    return join(this.path, 'bin');
  }

  get lm(): string {
    return join(this.bin, 'lm');
  }

  /** The program that asks the window, for questions of git itself or of an ssh it starts. */
  askpass(by: 'git' | 'ssh'): string {
    return join(this.path, 'askpass', by);
  }

  /** Everything is in place, also where somebody has tidied up. */
  prepare(): void {
    claimPrivateFolder(this.path);
    for (const [name, text] of Object.entries(SHELL_SCRIPTS)) this.put(name, text, 0o600);
    const words = this.lmCommand.map((word) => `'${word.replaceAll("'", "'\\''")}'`);
    const program = (more: string) => `#!/bin/sh\nexec ${words.join(' ')} ${more}"$@"\n`;
    this.put('bin/lm', program(''), 0o700);
    for (const by of ['git', 'ssh'] as const) this.put(`askpass/${by}`, program(`--askpass ${by} `), 0o700);
  }

  /** The login shell with its marks, where it is one that we know. */
  integrate(shell: string, env: Readonly<Record<string, string>>): MarkedShell {
    const more = { LIVEMOUNT_BIN: this.bin };
    switch (basename(shell)) {
      case 'bash':
        return { args: ['--init-file', join(this.path, 'bash.sh')], env: more };
      case 'zsh':
        return {
          args: ['-l'],
          env: {
            ...more,
            ZDOTDIR: join(this.path, 'zsh'),
            ...(env.ZDOTDIR !== undefined && { LIVEMOUNT_ZDOTDIR: env.ZDOTDIR }),
          },
        };
      case 'fish':
        return { args: ['-l', '--init-command', `source '${join(this.path, 'fish.fish')}'`], env: more };
      default:
        return { args: undefined, env: {} };
    }
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }

  private put(name: string, text: string, mode: number): void {
    const file = join(this.path, name);
    if (existsSync(file)) return;
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(file, text, { mode });
  }
}
