import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Disposable, DisposableStore, onDispose } from '../../src/base/dispose';
import { type Sshd, type SshdOptions, startSshd } from '../fixtures/sshd';
import { Installation } from './installation';

/** A real sshd of this machine as the host, a folder on it to work in, and the program that reaches it. */
export interface Host extends Disposable {
  readonly sshd: Sshd;
  readonly cli: Installation;
  /** On the host, which is this machine: what stands here is what the host has. */
  readonly folder: string;
  /** A path in that folder. */
  path(name: string): string;
  /** The same as an operand of the program. */
  at(name: string): string;
}

export async function startHost(options: SshdOptions = {}): Promise<Host> {
  const owned = new DisposableStore();
  const folder = mkdtempSync(path.join(tmpdir(), 'livemount-host-'));
  owned.add(onDispose(() => rmSync(folder, { recursive: true, force: true })));
  const cache = path.join(folder, '.cache');
  try {
    const sshd = owned.add(
      await startSshd({ ...options, settings: { SetEnv: `XDG_CACHE_HOME=${cache}`, ...options.settings } }),
    );
    const cli = owned.add(new Installation(sshd));
    const inFolder = (name: string) => path.join(folder, name);
    return {
      sshd,
      cli,
      folder,
      path: inFolder,
      at: (name) => cli.at(inFolder(name)),
      dispose: () => owned.dispose(),
    };
  } catch (error) {
    owned.dispose();
    throw error;
  }
}
