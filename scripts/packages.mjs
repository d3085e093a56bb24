// The programs that the tests drive for real, the Debian package of each, and the tests that can't run without it.
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import path from 'node:path';

/**
 * `tests` matches a test file's path or its text: such files are left out, and named, where the program is missing.
 * Programs without `tests` are looked up by the tests themselves.
 */
const programs = [
  { command: 'sshd', package: 'openssh-server', tests: /fixtures\/sshd['"]|^test\/vscode\// },
  { command: 'ssh-keygen', package: 'openssh-client', tests: /fixtures\/sshd['"]|^test\/vscode\// },
  { command: 'ssh-agent', package: 'openssh-client', tests: /'ssh-agent'/ },
  { command: 'chromium', package: 'chromium', tests: /^test\/vscode\// },
  { command: 'mkfs.ext4', package: 'e2fsprogs', tests: /mkfs\.ext4|'ext4'/ },
  { command: 'mkfs.xfs', package: 'xfsprogs', tests: /mkfs\.xfs|'xfs'/ },
  { command: 'mkfs.btrfs', package: 'btrfs-progs', tests: /mkfs\.btrfs|'btrfs'/ },
  { command: 'fusermount3', package: 'fuse3', tests: /fusermount3/ },
  { command: 'setfattr', package: 'attr', tests: /setfattr/ },
  { command: 'setfacl', package: 'acl', tests: /setfacl/ },
  { command: 'ip', package: 'iproute2', tests: /'ip',|ip netns/ },
  { command: 'inotifywait', package: 'inotify-tools', tests: /inotifywait|\/eventLog['"]/ },
  { command: 'sudo', package: 'sudo', tests: /asRoot|lmwindow/ },
  { command: 'zsh', package: 'zsh', tests: /\/zsh\b|'zsh'/ },
  { command: 'fish', package: 'fish', tests: /\/fish\b|'fish'/ },
  { command: 'tcsh', package: 'tcsh', tests: /\/tcsh\b/ },
  { command: 'groff', package: 'groff-base', tests: /'groff'/ },
  { command: 'rg', package: 'ripgrep', tests: /'rg'/ },
  { command: 'vim', package: 'vim', tests: /'vim'/ },
  { command: 'less', package: 'less', tests: /'less'/ },
  { command: 'tmux', package: 'tmux', tests: /'tmux'/ },
  { command: 'htop', package: 'htop', tests: /'htop'/ },
  { command: 'sqlite3', package: 'sqlite3', tests: /'sqlite3'/ },
  { command: 'make', package: 'make', tests: /vscode\/running/ },
  { command: 'gcc', package: 'gcc', tests: /\/usr\/bin\/gcc/ },
  { command: 'git', package: 'git', tests: /^test\/git\/|git\/localHost|'git'/ },
  { command: 'python3', package: 'python3', tests: /'python3'/ },
];

/** Tests that mount, make accounts or read whole filesystems' events: what only root may do. */
const rootOnly = {
  command: 'root',
  package: 'root’s rights',
  tests:
    /fixtures\/(accounts|mounts)['"]|save\/places['"]|'\.\/places'|remoteHost['"]|'mount'|fuseShim|\/mounted['"]|asUser|seteuid|faults\/(?:fewThreads|neighbourFolders)/,
};

/** System programs live in sbin, which a user's PATH often lacks. */
const searchPath = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin', '/usr/local/sbin'];

export function findProgram(command) {
  if (command === 'chromium' && process.env.CHROMIUM) return process.env.CHROMIUM;
  for (const folder of searchPath) {
    const candidate = path.join(folder, command);
    try {
      accessSync(candidate, constants.X_OK);
      return candidate;
    } catch {
      // Not in this folder; the next one may have it.
    }
  }
  return undefined;
}

const isRoot = process.getuid?.() === 0;

function missingPrograms() {
  const missing = programs.filter(({ command }) => findProgram(command) === undefined);
  return isRoot ? missing : [...missing, rootOnly];
}

/**
 * Installs what is missing where that is possible: as root, on a system with apt.
 * @returns the programs that are still missing
 */
export function installPrograms(log) {
  const missing = missingPrograms();
  if (missing.length === 0) return missing;
  const names = [...new Set(missing.map((program) => program.package))];
  if (isRoot && findProgram('apt-get')) {
    log(`installing ${names.join(' ')}`);
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    // openssh-server would start a daemon of the system's own; the tests start theirs.
    const quiet = ['-qq', '-o', 'Dpkg::Use-Pty=0', '-o', 'DPkg::Lock::Timeout=120'];
    spawnSync('apt-get', ['update', ...quiet], { env, stdio: ['ignore', 'ignore', 'inherit'] });
    const install = (packages) =>
      spawnSync('apt-get', ['install', '-y', '--no-install-recommends', ...quiet, ...packages], {
        env,
        stdio: ['ignore', 'ignore', 'inherit'],
      }).status === 0;
    // One unknown name makes apt install nothing of the list: then one by one.
    if (!install(names)) for (const name of names) install([name]);
  }
  return missingPrograms();
}
