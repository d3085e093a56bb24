// A host whose git is as old as the oldest we work with: a program in front of the machine's git that calls itself 2.20,
// knows no option or command that came later, and prints no header of later versions.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { GitRepository, gitVersion } from '../../src/client/git/repository';
import { git, LocalHost, scratch } from './localHost';

/** By the version that brought them, as the release notes say. */
const LATER_WORDS = [
  ...['restore', 'switch', 'sparse-checkout', 'maintenance', 'merge-tree'],
  ...['--pathspec-from-file*', '--pathspec-file-nul', '--end-of-options', '--force-if-includes'],
  ...['--show-current', '--initial-branch*', '--diff-merges*', '--path-format*', '--staged'],
  ...['--no-lazy-fetch', '--refetch', '--negotiate-only', '--trailer*', '--empty*', '--orphan'],
];

function oldGit(t: TestContext): LocalHost {
  const real = execFileSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim();
  const bin = path.join(scratch(t), 'bin');
  mkdirSync(bin);
  const script = `#!/bin/sh
command=
for word; do
  case $word in
    --version) echo git version 2.20.1; exit;;
    ${LATER_WORDS.join('|')}) echo "error: unknown option $word" >&2; exit 129;;
    status|cherry-pick|revert) command=\${command:-$word};;
    --skip) case $command in cherry-pick|revert) echo 'usage: git' >&2; exit 129;; esac;;
    --) break;;
  esac
done
# A hook or a stash starts git by itself; that one is the real one.
PATH=\${PATH#*:}
if [ "$command" = status ]; then
  ${real} "$@" | sed -z '/^# stash /d'
  exit
fi
exec ${real} "$@"
`;
  writeFileSync(path.join(bin, 'git'), script, { mode: 0o755 });
  return new LocalHost(bin);
}

async function oldRepository(t: TestContext) {
  const host = oldGit(t);
  const folder = scratch(t);
  git(folder, 'init', '-q');
  git(folder, 'symbolic-ref', 'HEAD', 'refs/heads/main');
  const version = await gitVersion(host, folder);
  assert.equal(version.text, '2.20.1');
  const repository = await GitRepository.find(host, version, folder);
  assert.ok(repository);
  const write = (name: string, text: string) => {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  };
  const read = (name: string) => readFileSync(path.join(folder, name), 'utf8');
  return { host, folder, repository, write, read };
}

test('an old git stages, commits, discards and brings back, stashes, joins, picks, skips and pushes', async (t) => {
  const { host, folder, repository, write, read } = await oldRepository(t);
  await assert.rejects(
    host.git({ args: ['restore', '.'], cwd: folder }).then(({ code }) => assert.equal(code, 0)),
  );
  for (const name of ['a', '-f', 'dir/c']) write(name, 'one\n');
  await repository.stage(['a', '-f', 'dir/c']);
  await repository.commit('first', { signOff: true });
  write('a', 'two\n');
  await repository.stage(['a']);
  await repository.unstage(['a']);
  const status = await repository.status();
  assert.deepEqual(
    status.entries.map(({ path, worktree }) => path + worktree),
    ['aM'],
  );
  assert.equal(status.stashes, undefined);

  write('new/deep/file', 'precious\n');
  write('a', 'staged\n');
  await repository.stage(['a']);
  write('a', 'also precious\n');
  const kept = await repository.discard(['a'], ['new/']);
  assert.equal(read('a'), 'staged\n');
  assert.equal(existsSync(path.join(folder, 'new')), false);
  await repository.restoreDiscarded(kept, ['a', 'new/']);
  assert.equal(read('a'), 'also precious\n');
  assert.equal(read('new/deep/file'), 'precious\n');
  assert.equal(git(folder, 'show', ':a'), 'staged\n');
  assert.equal(git(folder, 'ls-files', 'new'), '');
  rmSync(path.join(folder, 'new'), { recursive: true });

  await repository.stash('mine', { kind: 'untracked' });
  assert.equal((await repository.stashes()).length, 1);
  await assert.rejects(repository.stash('', { kind: 'staged' }), { code: 'EOPNOTSUPP' });
  await repository.applyStash(0, { drop: true });
  await repository.commit('second', { all: true });

  await repository.createBranch(
    'side',
    'HEAD~1'.replace('HEAD~1', git(folder, 'rev-parse', 'HEAD~1').trim()),
  );
  write('a', 'side\n');
  await repository.commit('side', { all: true });
  const [side] = await repository.log({ count: 1 });
  assert.ok(side);
  await repository.checkout('main');
  await assert.rejects(repository.cherryPick(side));
  assert.equal(await repository.unfinished(), 'cherry-pick');
  await repository.resume('cherry-pick', 'skip');
  assert.equal(await repository.unfinished(), undefined);
  assert.equal(read('a'), 'also precious\n');
  await assert.rejects(repository.rebase('side'));
  await repository.resume('rebase', 'abort');

  const remote = scratch(t);
  git(remote, 'init', '-q', '--bare');
  git(folder, 'remote', 'add', 'origin', remote);
  await repository.push('origin', 'main', { setUpstream: true });
  await repository.commit('amended', { amend: true });
  await repository.fetch(undefined);
  await repository.push('origin', 'main', { force: true });
  await repository.pull({ rebase: true });
  assert.equal((await repository.filesOf((await repository.log({ count: 1 }))[0]?.oid ?? '')).length, 1);
  assert.equal((await repository.blame('a')).length, 1);
  assert.equal((await repository.refs()).length, 3);
  assert.ok((await repository.earlierMessages()).includes('second'));
});
