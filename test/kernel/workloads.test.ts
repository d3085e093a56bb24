import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { runSync } from '../../src/agent/libc/op';
import { getxattrFd, setxattrFd } from '../../src/agent/libc/xattr';
import { ErrnoError } from '../../src/protocol/errno';
import { type FilesystemType, TestMounts } from '../fixtures/mounts';
import { Random } from '../watch/random';
import { KernelMount } from './kernelMount';

/** nobody, who owns the served tree then. */
const USER = { uid: 65534, gid: 65534 };

interface Size {
  readonly commits: number;
  readonly filesPerCommit: number;
  readonly archivedFiles: number;
}
const SMALL: Size = { commits: 8, filesPerCommit: 40, archivedFiles: 2000 };
const MANY_FILES: Size = { ...SMALL, archivedFiles: 20_000 };
const LONG_HISTORY: Size = { ...SMALL, commits: 20, filesPerCommit: 100 };
/** LIVEMOUNT_FILES says how many files the archives have everywhere. */
const PLACES = [
  { type: 'ext4', asUser: false, size: MANY_FILES },
  { type: 'ext4', asUser: true, size: SMALL },
  { type: 'xfs', asUser: false, size: SMALL },
  { type: 'xfs', asUser: true, size: LONG_HISTORY },
  { type: 'tmpfs', asUser: false, size: SMALL },
  { type: 'tmpfs', asUser: true, size: SMALL },
] as const;

interface Place {
  readonly mounts: TestMounts;
  /** The kernel's mount of the agent. */
  readonly top: string;
  /** The same directory on the host. */
  readonly root: string;
  /** A folder beside it that the agent has nothing to do with. */
  readonly beside: string;
  run(command: string, args: readonly string[], cwd: string): string;
}

/** Serves a new filesystem as root or as a normal user, who then does the work as well. */
async function inPlace(type: FilesystemType, asUser: boolean, work: (place: Place) => void): Promise<void> {
  const mounts = new TestMounts();
  fs.chmodSync(mounts.folder, 0o755);
  const root = mounts.filesystem(type, mounts.directory('root'));
  const beside = mounts.directory('beside');
  const owner = asUser ? USER : { uid: 0, gid: 0 };
  for (const folder of [root, beside]) fs.chownSync(folder, owner.uid, owner.gid);
  const kernel = await KernelMount.of(root, {
    ...(asUser && { user: `${USER.uid}:${USER.gid}` }),
    env: { HOME: beside, XDG_STATE_HOME: beside, XDG_RUNTIME_DIR: beside },
  });
  const run = (command: string, args: readonly string[], cwd: string) =>
    execFileSync(command, args, {
      cwd,
      ...owner,
      encoding: 'utf8',
      stdio: 'pipe',
      maxBuffer: 64 << 20,
      env: { ...process.env, HOME: beside, GIT_CONFIG_NOSYSTEM: '1', npm_config_cache: join(beside, '.npm') },
    });
  try {
    work({ mounts, top: kernel.path, root, beside, run });
    await kernel.unmount();
  } finally {
    await kernel.dispose();
    mounts.dispose();
  }
}

/** A repository with history, merges of names, links and modes, made without the agent. */
function makeRepository({ run, beside }: Place, { commits, filesPerCommit }: Size): string {
  const random = new Random(7);
  const repository = join(beside, 'repository');
  run('git', ['init', '--quiet', '--initial-branch=main', repository], beside);
  for (let commit = 0; commit < commits; commit++) {
    const script: string[] = [];
    for (let i = 0; i < filesPerCommit; i++) {
      const path = `dir-${random.below(8)}/sub-${random.below(4)}/file-${random.below(200)}`;
      script.push(`mkdir -p ${join(path, '..')}; head -c ${random.below(20_000)} /dev/urandom > ${path}`);
    }
    script.push(
      `ln -sf file-${commit} link-${commit}; echo run > script-${commit}; chmod +x script-${commit}`,
    );
    run('sh', ['-c', script.join('\n')], repository);
    run('git', ['add', '--all'], repository);
    const author = ['-c', 'user.name=Test', '-c', 'user.email=test@localhost'];
    run('git', [...author, 'commit', '--quiet', '--message', `commit ${commit}`], repository);
  }
  return repository;
}

/** The attribute user.note of a file, set first where a value is given; empty where there is none. */
function noteOf(path: string, value?: Buffer): string {
  const fd = fs.openSync(path, 'r');
  try {
    if (value !== undefined) runSync(setxattrFd(fd, NOTE, value, 0));
    return runSync(getxattrFd(fd, NOTE)).toString();
  } catch (error) {
    if (error instanceof ErrnoError && error.code === 'ENODATA') return '';
    throw error;
  } finally {
    fs.closeSync(fd);
  }
}
const NOTE = Buffer.from('user.note');

/** Every object below a folder: kind, mode, owner, links, times, content and the attribute user.note. */
function inventory(top: string): Map<string, string> {
  const found = new Map<string, string>();
  const visit = (folder: string): void => {
    for (const name of fs.readdirSync(join(top, folder)).sort()) {
      const place = join(folder, name);
      const stat = fs.lstatSync(join(top, place), { bigint: true });
      const { mode, uid, gid, nlink, mtimeNs } = stat;
      const inside = stat.isFile()
        ? createHash('sha256')
            .update(fs.readFileSync(join(top, place)))
            .digest('hex')
        : stat.isSymbolicLink()
          ? fs.readlinkSync(join(top, place))
          : '';
      const note = stat.isFile() ? noteOf(join(top, place)) : '';
      found.set(
        place,
        [mode.toString(8), uid, gid, stat.isDirectory() ? '-' : nlink, mtimeNs, inside, note].join(' '),
      );
      if (stat.isDirectory()) visit(place);
    }
  };
  visit('');
  return found;
}

/** Says what differs; assert would take minutes to print two trees. */
function assertAlike(actual: Map<string, string>, expected: Map<string, string>): void {
  const places = new Set([...actual.keys(), ...expected.keys()]);
  const different = [...places].filter((place) => actual.get(place) !== expected.get(place));
  const told = different
    .slice(0, 5)
    .map((place) => `${place}: ${actual.get(place)}, not ${expected.get(place)}`);
  assert.equal(different.length, 0, told.join('\n'));
}

for (const { type, asUser, size } of PLACES) {
  describe(`over ${type}, as ${asUser ? 'a normal user' : 'root'}`, () => {
    test('git clones, checks, changes and packs a repository', () =>
      inPlace(type, asUser, (place) => {
        const repository = makeRepository(place, size);
        const clone = join(place.top, 'clone');
        place.run('git', ['clone', '--quiet', '--no-local', repository, clone], place.top);
        place.run('git', ['fsck', '--full', '--strict'], clone);
        assert.equal(place.run('git', ['status', '--porcelain'], clone), '');
        place.run('git', ['checkout', '--quiet', 'HEAD~5'], clone);
        place.run('git', ['checkout', '--quiet', 'main'], clone);
        place.run('git', ['gc', '--quiet', '--aggressive', '--prune=now'], clone);
        place.run('git', ['fsck', '--full', '--strict'], clone);
        assert.equal(place.run('git', ['status', '--porcelain'], clone), '');
        const tree = (at: string) => place.run('git', ['rev-parse', 'HEAD^{tree}'], at);
        assert.equal(tree(clone), tree(repository));
      }));

    test('tar brings a tree in and out unchanged', () =>
      inPlace(type, asUser, (place) => {
        const random = new Random(11);
        const archivedFiles = Number(process.env.LIVEMOUNT_FILES ?? size.archivedFiles);
        const source = join(place.beside, 'source');
        fs.mkdirSync(source);
        for (let i = 0; i < archivedFiles; i++) {
          const folder = join(source, `dir-${i % 60}`, `sub-${i % 7}`);
          fs.mkdirSync(folder, { recursive: true });
          const file = join(folder, `file-${i}-ü-\u{1f600}`);
          fs.writeFileSync(file, Buffer.alloc(random.below(5000), random.below(256)));
          fs.chmodSync(file, [0o644, 0o755, 0o600, 0o4755][i % 4] ?? 0o644);
          fs.lutimesSync(file, 1_000_000_000 + i, 1_000_000_000 + i + 0.25);
          if (i % 50 === 0) fs.linkSync(file, `${file}.link`);
          if (i % 40 === 0) fs.symlinkSync(`file-${i - 1}`, `${file}.symlink`);
          if (i % 100 === 0) noteOf(file, Buffer.from(`note ${i}`));
        }
        if (asUser) execFileSync('chown', ['--recursive', `${USER.uid}:${USER.gid}`, source]);
        // chown took the set-id bits; what matters is that they come back as they are now.
        const xattrs = ['--xattrs', '--xattrs-include=user.*'];
        place.run(
          'sh',
          ['-c', `tar ${xattrs.join(' ')} -cf ${place.beside}/in.tar -C ${source} .`],
          place.beside,
        );
        const target = join(place.top, 'target');
        place.run('mkdir', [target], place.top);
        place.run(
          'tar',
          [...xattrs, '--same-permissions', '-xf', join(place.beside, 'in.tar'), '-C', target],
          place.top,
        );
        const expected = inventory(source);
        assert.ok(expected.size > archivedFiles);
        assertAlike(inventory(target), expected);
        assertAlike(inventory(join(place.root, 'target')), expected);
        place.run(
          'sh',
          ['-c', `tar ${xattrs.join(' ')} --sort=name -cf ${place.beside}/out.tar -C ${target} .`],
          place.beside,
        );
        const back = join(place.beside, 'back');
        place.run('mkdir', [back], place.beside);
        place.run(
          'tar',
          [...xattrs, '--same-permissions', '-xf', join(place.beside, 'out.tar'), '-C', back],
          place.beside,
        );
        assertAlike(inventory(back), expected);
      }));
  });
}

test('an npm project installs, runs its test and its links', () =>
  inPlace('ext4', true, (place) => {
    // A registry would be somebody else's machine: the packages are folders and an archive made here.
    const library = join(place.beside, 'library');
    fs.mkdirSync(join(library, 'bin'), { recursive: true });
    fs.writeFileSync(
      join(library, 'package.json'),
      JSON.stringify({ name: 'library', version: '1.0.0', bin: { shout: 'bin/shout.js' }, main: 'index.js' }),
    );
    fs.writeFileSync(join(library, 'index.js'), 'module.exports = (text) => text.toUpperCase();');
    fs.writeFileSync(
      join(library, 'bin/shout.js'),
      "#!/usr/bin/env node\nconsole.log(require('..')(process.argv[2]));",
    );
    for (let i = 0; i < 300; i++) fs.writeFileSync(join(library, `module-${i}.js`), `module.exports = ${i};`);
    execFileSync('chown', ['--recursive', `${USER.uid}:${USER.gid}`, library]);
    const archive = place
      .run('npm', ['pack', '--silent', '--pack-destination', place.beside], library)
      .trim();
    const project = join(place.top, 'project');
    place.run('mkdir', [project], place.top);
    place.run(
      'sh',
      [
        '-c',
        `cat > package.json`.concat(` <<'END'
{"name":"project","version":"1.0.0","dependencies":{"library":"file:${join(place.beside, archive)}"},"scripts":{"test":"shout through && node -e \\"let n=0; for (let i=0;i<300;i++) n+=require('library/module-'+i); require('assert').equal(n, 44850)\\""}}
END`),
      ],
      project,
    );
    place.run('npm', ['install', '--offline', '--no-audit', '--no-fund'], project);
    assert.match(place.run('npm', ['test'], project), /^THROUGH$/m);
    assert.ok(fs.lstatSync(join(place.root, 'project/node_modules/.bin/shout')).isSymbolicLink());
    place.run('npm', ['uninstall', 'library', '--no-audit', '--no-fund'], project);
    assert.equal(fs.existsSync(join(place.root, 'project/node_modules/library')), false);
  }));

test('two mounts of one tree see each other', async () => {
  const mounts = new TestMounts();
  const root = mounts.filesystem('ext4', mounts.directory('root'));
  const kernels = [await KernelMount.of(root), await KernelMount.of(root)];
  const [one, two] = kernels.map((kernel) => kernel.path) as [string, string];
  try {
    for (let i = 0; i < 300; i++) {
      const [writer, reader] = i % 2 === 0 ? [one, two] : [two, one];
      fs.writeFileSync(join(writer, `file-${i}`), `written ${i}`);
      assert.equal(fs.readFileSync(join(reader, `file-${i}`), 'utf8'), `written ${i}`);
      fs.renameSync(join(reader, `file-${i}`), join(reader, `moved-${i}`));
      assert.equal(fs.readFileSync(join(writer, `moved-${i}`), 'utf8'), `written ${i}`);
      const fd = fs.openSync(join(writer, `moved-${i}`), 'r');
      fs.unlinkSync(join(reader, `moved-${i}`));
      assert.equal(fs.readFileSync(fd, 'utf8'), `written ${i}`);
      fs.closeSync(fd);
    }
    assert.deepEqual(fs.readdirSync(one), fs.readdirSync(two));
    for (const kernel of kernels) await kernel.unmount();
  } finally {
    for (const kernel of kernels) await kernel.dispose();
    mounts.dispose();
  }
});
