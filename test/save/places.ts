import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MountTable } from '../../src/agent/posix/mountTable';
import { PosixHostFs } from '../../src/agent/posix/posixHostFs';

// Each creation brings the umask to use, as in the agent.
process.umask(0);

/** A host filesystem that knows the mounts of now. */
export function openHost(): PosixHostFs {
  return new PosixHostFs(new MountTable());
}

/** Folders and mounts of one test, gone at its end also when it fails. */
export class Places implements Disposable {
  readonly top: string;
  private readonly mounted: string[] = [];

  constructor(parent = tmpdir()) {
    this.top = mkdtempSync(join(parent, 'livemount-save-'));
  }

  /** A new folder. */
  folder(name: string, mode = 0o755): string {
    const path = join(this.top, name);
    mkdirSync(path, { recursive: true, mode });
    return path;
  }

  /** Mounts a new tmpfs. */
  tmpfs(name: string, options: string): string {
    const path = this.folder(name);
    this.mount('tmpfs', 'tmpfs', path, options);
    return path;
  }

  /** Mounts a new filesystem in a loop image of that many MiB. */
  image(name: string, type: 'ext4' | 'xfs' | 'btrfs', sizeMiB: number, options = ''): string {
    const path = this.folder(name);
    const image = join(this.top, `${name}.img`);
    writeFileSync(image, '');
    execFileSync('truncate', ['-s', `${sizeMiB}M`, image]);
    execFileSync(`mkfs.${type}`, [type === 'ext4' ? '-q' : '-f', image], { stdio: 'ignore' });
    execFileSync('mount', ['-o', ['loop', options].filter(Boolean).join(','), image, path]);
    this.mounted.push(path);
    return path;
  }

  mount(type: string, source: string, path: string, options: string): void {
    execFileSync('mount', ['-t', type, '-o', options, source, path]);
    this.mounted.push(path);
  }

  bind(from: string, to: string): void {
    execFileSync('mount', ['--bind', from, to]);
    this.mounted.push(to);
  }

  [Symbol.dispose](): void {
    for (const path of this.mounted.reverse()) execFileSync('umount', ['-l', path]);
    rmSync(this.top, { recursive: true, force: true });
  }
}

/** The names in a folder, sorted: what a save left besides the file. */
export function namesIn(folder: string): string[] {
  return readdirSync(folder).sort();
}
