// What the tests open: a real sshd of this machine, a folder on it, and real mounts inside that folder.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DisposableStore, type Disposable, onDispose } from '../../src/base/dispose';
import { type Sshd, startSshd } from '../fixtures/sshd';

/** Three kinds of submount, by kind, and where each stands below the folder. */
export const MOUNTS = { tmpfs: 'mounts/tmpfs', ext4: 'mounts/disk', bind: 'mounts/bind' } as const;

export interface RemoteHost extends Disposable {
  readonly sshd: Sshd;
  /** As the SSH configuration and the URIs name it. */
  readonly host: string;
  readonly folder: string;
  readonly folderUri: string;
  /** For the window: where the SSH configuration is, and an agent that leaves soon after the window. */
  readonly settings: Readonly<Record<string, unknown>>;
}

export async function startRemoteHost(): Promise<RemoteHost> {
  const owned = new DisposableStore();
  try {
    const base = mkdtempSync(path.join(tmpdir(), 'livemount-remote-'));
    owned.add(onDispose(() => rmSync(base, { recursive: true, force: true })));
    const folder = path.join(base, 'project');
    populate(folder);
    for (const unmount of mountAll(base, folder)) owned.add(unmount);
    const sshd = owned.add(await startSshd());
    sshd.addHost('remote', {});
    return {
      sshd,
      host: 'remote',
      folder,
      folderUri: `livemount://remote${folder}`,
      settings: { 'livemount.ssh.configFile': sshd.configFile, 'livemount.graceTime': 1 },
      dispose: () => owned.dispose(),
    };
  } catch (error) {
    owned.dispose();
    throw error;
  }
}

function populate(folder: string): void {
  for (const name of ['src', ...Object.values(MOUNTS)])
    mkdirSync(path.join(folder, name), { recursive: true });
  writeFileSync(path.join(folder, 'README.md'), '# On the remote host\n');
  writeFileSync(path.join(folder, 'src/main.c'), 'int main(void) {\n  return 0;\n}\n');
}

function* mountAll(base: string, folder: string): Generator<Disposable> {
  yield mounted(['-t', 'tmpfs', '-o', 'size=8m', 'livemount-test'], path.join(folder, MOUNTS.tmpfs));
  const image = path.join(base, 'disk.img');
  execFileSync('truncate', ['-s', '16M', image]);
  execFileSync('mkfs.ext4', ['-q', image]);
  yield mounted(['-o', 'loop', image], path.join(folder, MOUNTS.ext4));
  const source = path.join(base, 'elsewhere');
  mkdirSync(source);
  yield mounted(['--bind', source], path.join(folder, MOUNTS.bind));
}

/** A real mount; its end must succeed at once, or something holds what it should not. */
export function mounted(args: readonly string[], at: string): Disposable {
  execFileSync('mount', [...args, at]);
  return onDispose(() => {
    try {
      execFileSync('umount', [at], { stdio: 'pipe' });
    } catch (error) {
      // Leave nothing behind, but do not hide that it was busy.
      execFileSync('umount', ['--lazy', at]);
      throw error;
    }
  });
}
