import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { GitFailure } from '../../src/client/git/failure';
import { graphOf } from '../../src/client/git/graph';
import {
  cloneRepository,
  GitRepository,
  gitVersion,
  initRepository,
  KEPT_SECONDS,
} from '../../src/client/git/repository';
import { GitVersion } from '../../src/client/git/version';
import { git, LocalHost, newRepository, scratch } from './localHost';

const write = (folder: string, name: string, text: string) => {
  mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
  writeFileSync(path.join(folder, name), text);
};
const failsAs = (kind: string) => (error: unknown) => error instanceof GitFailure && error.kind === kind;

test('a status is one run of git and shows renames, conflicts, links and odd names', async (t) => {
  const { folder, host, repository } = await newRepository(t);
  for (const name of ['a', 'b c', 'line\nbreak', 'deleted', '-f', ':(top)x'])
    write(folder, name, `${name}\n`.repeat(9));
  git(folder, 'add', '-A');
  git(folder, 'commit', '-qm', 'one');
  git(folder, 'mv', 'b c', 'moved');
  write(folder, 'a', 'changed\n');
  rmSync(path.join(folder, 'deleted'));
  write(folder, 'new/deep', 'x');
  symlinkSync('nowhere', path.join(folder, 'link'));
  writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0x63, 0xff])]), 'x');
  const before = host.runs;
  const status = await repository.status();
  assert.equal(host.runs - before, 1);
  assert.equal(status.branch.name, 'main');
  const shown = status.entries.map(({ path, kind, index, worktree, from }) => [
    path,
    kind,
    index + worktree,
    from ?? '',
  ]);
  assert.deepEqual(
    shown.sort(),
    [
      ['a', 'changed', '.M', ''],
      ['deleted', 'changed', '.D', ''],
      ['moved', 'changed', 'R.', 'b c'],
      ['new/', 'untracked', '..', ''],
      ['link', 'untracked', '..', ''],
      ['c\u{10feff}', 'untracked', '..', ''],
    ].sort(),
  );
});

test('before the first commit there is a branch and no commit; a detached HEAD has no branch', async (t) => {
  const { folder, repository } = await newRepository(t);
  assert.deepEqual((await repository.status()).branch, {
    oid: undefined,
    name: 'main',
    upstream: undefined,
    ahead: undefined,
    behind: undefined,
  });
  assert.deepEqual(await repository.log({ count: 5 }), []);
  write(folder, 'a', '1');
  await repository.stage(['a']);
  await repository.unstage(['a']);
  assert.equal((await repository.status()).entries[0]?.kind, 'untracked');
  await repository.stageAll();
  await repository.commit('first');
  git(folder, 'checkout', '-q', '--detach');
  assert.equal((await repository.status()).branch.name, undefined);
  assert.equal(await repository.undoCommit(), 'first');
});

test('paths that look like options or patterns are staged, unstaged and discarded as they are', async (t) => {
  const { folder, repository } = await newRepository(t);
  const names = ['-f', '--all', ':(exclude)x', '*', 'a?', '[ab]', ' ', 'ü', 'sub/-x'];
  write(folder, 'other', '1');
  for (const name of names) write(folder, name, 'one\n');
  await repository.stage(names);
  assert.deepEqual(git(folder, 'ls-files', '-z').split('\0').filter(Boolean).sort(), [...names].sort());
  await repository.commit('odd names');
  for (const name of names) write(folder, name, 'two\n');
  await repository.stage(['*']);
  assert.equal(git(folder, 'diff', '--cached', '--name-only').trim(), '*');
  await repository.unstage(['*']);
  assert.equal(git(folder, 'diff', '--cached', '--name-only').trim(), '');
  await repository.discard(['*', '-f'], []);
  assert.equal(readFileSync(path.join(folder, '*'), 'utf8'), 'one\n');
  assert.equal(readFileSync(path.join(folder, 'a?'), 'utf8'), 'two\n');
});

test('what is discarded can be had back for a week, and the index is not touched', async (t) => {
  const { folder, host, repository } = await newRepository(t);
  write(folder, 'tracked', 'one\n');
  write(folder, 'staged', 'one\n');
  await repository.stageAll();
  await repository.commit('one');
  write(folder, 'staged', 'two\n');
  await repository.stage(['staged']);
  write(folder, 'tracked', 'precious\n');
  write(folder, 'new/file', 'also precious\n');
  const kept = await repository.discard(['tracked'], ['new/']);
  assert.equal(readFileSync(path.join(folder, 'tracked'), 'utf8'), 'one\n');
  assert.equal(existsSync(path.join(folder, 'new')), false);
  assert.equal(git(folder, 'show', `${kept}:tracked`), 'precious\n');
  assert.equal(git(folder, 'show', `${kept}:new/file`), 'also precious\n');
  assert.equal(git(folder, 'diff', '--cached', '--name-only').trim(), 'staged');
  assert.deepEqual(
    execFileSync('ls', [path.join(folder, '.git')], { encoding: 'utf8' }).match(/livemount/g),
    null,
  );

  host.now += KEPT_SECONDS + 1;
  write(folder, 'tracked', 'later\n');
  await repository.discard(['tracked'], []);
  assert.equal(
    git(folder, 'for-each-ref', '--format=%(refname)', 'refs/livemount').trim().split('\n').length,
    1,
  );
  assert.equal(
    (await repository.log({ count: 10, all: true })).length,
    1,
    'the log does not show what was kept',
  );
});

test('commits: amended, signed off, empty refused, a hook that refuses is named', async (t) => {
  const { folder, repository } = await newRepository(t);
  await assert.rejects(repository.commit('nothing'), failsAs('empty-commit'));
  write(folder, 'a', '1');
  await repository.stage(['a']);
  await repository.commit('subject\n\n# not a comment\n"$(id)" `id`\n', { signOff: true });
  assert.match(
    await repository.headMessage(),
    /^subject\n\n# not a comment\n"\$\(id\)" `id`\n\nSigned-off-by: Ada/,
  );
  await repository.commit('other', { amend: true });
  assert.equal(git(folder, 'rev-list', '--count', 'HEAD').trim(), '1');
  writeFileSync(
    path.join(folder, '.git/hooks/pre-commit'),
    '#!/bin/sh\necho pre-commit says no >&2\nexit 1\n',
    { mode: 0o755 },
  );
  write(folder, 'a', '2');
  await repository.stage(['a']);
  await assert.rejects(
    repository.commit('refused'),
    (error) => failsAs('hook')(error) && /says no/.test((error as GitFailure).words),
  );
  await repository.commit('forced', { noVerify: true });
});

test('branches, tags, merges, rebases, picks and reverts do what git does', async (t) => {
  const { folder, repository } = await newRepository(t);
  write(folder, 'a', '1\n');
  await repository.stageAll();
  await repository.commit('base');
  await repository.createBranch('feature/ü');
  write(folder, 'b', '1\n');
  await repository.stageAll();
  await repository.commit('on feature');
  const picked = git(folder, 'rev-parse', 'HEAD').trim();
  await repository.checkout('main');
  await repository.createTag('v1', 'the first');
  await repository.createTag('light', '');
  assert.deepEqual((await repository.refs()).map(({ short, kind }) => `${kind} ${short}`).sort(), [
    'branch feature/ü',
    'branch main',
    'tag light',
    'tag v1',
  ]);
  await repository.cherryPick({ oid: picked, parents: [] });
  await repository.revert({ oid: git(folder, 'rev-parse', 'HEAD').trim(), parents: [] });
  assert.equal(existsSync(path.join(folder, 'b')), false);
  write(folder, 'a', 'main\n');
  await repository.commit('main', { all: true });
  await repository.checkout('feature/ü');
  write(folder, 'a', 'feature\n');
  await repository.commit('feature', { all: true });
  await assert.rejects(repository.merge('main'), failsAs('conflict'));
  assert.equal(await repository.unfinished(), 'merge');
  assert.equal((await repository.status()).entries.find(({ kind }) => kind === 'unmerged')?.path, 'a');
  assert.equal((await repository.blob({ stage: 2 }, 'a'))?.bytes.toString(), 'feature\n');
  assert.equal((await repository.blob({ stage: 3 }, 'a'))?.bytes.toString(), 'main\n');
  await repository.resume('merge', 'abort');
  await assert.rejects(repository.rebase('main'), failsAs('conflict'));
  assert.equal(await repository.unfinished(), 'rebase');
  write(folder, 'a', 'both\n');
  await repository.stage(['a']);
  await repository.resume('rebase', 'continue');
  assert.equal(await repository.unfinished(), undefined);
  assert.equal((await repository.status()).branch.name, 'feature/ü');
  await repository.checkout('main');
  await assert.rejects(repository.deleteBranch('feature/ü'), failsAs('not-merged'));
  await repository.deleteBranch('feature/ü', { force: true });
});

test('stashes of each kind are kept, listed, applied and dropped', async (t) => {
  const { folder, repository } = await newRepository(t);
  write(folder, 'a', '1\n');
  await repository.stageAll();
  await repository.commit('base');
  assert.deepEqual(await repository.stashes(), []);
  write(folder, 'a', '2\n');
  await repository.stash('--evil=$(id)');
  write(folder, 'new', '1\n');
  await repository.stash('with new', { kind: 'untracked' });
  assert.equal(existsSync(path.join(folder, 'new')), false);
  const list = await repository.stashes();
  assert.deepEqual(
    list.map(({ index, message }) => [index, message]),
    [
      [0, 'On main: with new'],
      [1, 'On main: --evil=$(id)'],
    ],
  );
  await repository.applyStash(0, { drop: true });
  assert.equal(existsSync(path.join(folder, 'new')), true);
  await repository.applyStash(0);
  await repository.dropStash(0);
  assert.equal(readFileSync(path.join(folder, 'a'), 'utf8'), '2\n');
});

test('clone, push, fetch and pull between folders; what the remote refuses is told apart', async (t) => {
  const folder = scratch(t);
  const host = new LocalHost();
  const version = await gitVersion(host, folder);
  git(folder, 'init', '-q', '--bare', 'origin.git');
  const clones: GitRepository[] = [];
  for (const name of ['one', 'two']) {
    await cloneRepository(host, { address: `${folder}/origin.git`, parent: folder, name });
    git(path.join(folder, name), 'symbolic-ref', 'HEAD', 'refs/heads/main');
    const clone = await GitRepository.find(host, version, path.join(folder, name));
    assert.ok(clone);
    clones.push(clone);
  }
  const [one, two] = clones as [GitRepository, GitRepository];
  write(one.root, 'a', '1\n');
  await one.stageAll();
  await one.commit('first');
  await assert.rejects(one.pull(), failsAs('no-upstream'));
  await one.push('origin', 'main', { setUpstream: true });
  await two.fetch('origin');
  git(two.root, 'reset', '-q', '--hard', 'origin/main');
  git(two.root, 'branch', '-q', '-u', 'origin/main');
  write(two.root, 'b', '1\n');
  await two.stageAll();
  await two.commit('second');
  await two.push('origin', 'main');
  write(one.root, 'c', '1\n');
  await one.stageAll();
  await one.commit('third');
  await assert.rejects(one.push('origin', 'main'), failsAs('rejected'));
  await assert.rejects(one.push('origin', 'main', { force: true }), failsAs('stale-lease'));
  await one.pull({ rebase: true });
  const { branch } = await one.status();
  assert.deepEqual([branch.upstream, branch.ahead, branch.behind], ['origin/main', 1, 0]);
  await assert.rejects(one.push('--upload-pack=id', 'main'), { code: 'EINVAL' });
});

test('repositories are found from below, through .git files and work trees, and not where there is none', async (t) => {
  const { folder, host, repository } = await newRepository(t);
  write(folder, 'deep/er/a', '1');
  await repository.stageAll();
  await repository.commit('x');
  git(folder, 'worktree', 'add', '-q', '-b', 'side', path.join(folder, 'linked'));
  const version = repository.version;
  assert.equal((await GitRepository.find(host, version, path.join(folder, 'deep/er')))?.root, folder);
  const linked = await GitRepository.find(host, version, path.join(folder, 'linked'));
  assert.deepEqual(
    [linked?.root, linked?.gitDir, linked?.commonDir],
    [path.join(folder, 'linked'), path.join(folder, '.git/worktrees/linked'), path.join(folder, '.git')],
  );
  const elsewhere = scratch(t);
  assert.equal(await GitRepository.find(host, version, elsewhere), undefined);
  await initRepository(host, elsewhere);
  assert.equal((await GitRepository.find(host, version, elsewhere))?.root, elsewhere);
});

test('the log has messages, refs and files, follows renames, and its graph has a column for each line of work', async (t) => {
  const { folder, repository } = await newRepository(t);
  write(folder, 'a', 'text that is long enough to be found again\n');
  await repository.stageAll();
  await repository.commit('base\n\nwith a body');
  await repository.createBranch('side');
  git(folder, 'mv', 'a', 'renamed');
  await repository.commit('rename');
  await repository.checkout('main');
  write(folder, 'b', '1\n');
  await repository.stageAll();
  await repository.commit('main');
  await repository.merge('side');
  const log = await repository.log({ count: 10 });
  assert.equal(log.length, 4);
  assert.deepEqual(log[0]?.refs, ['HEAD', 'refs/heads/main']);
  assert.equal(log.at(-1)?.body, 'with a body');
  const rows = graphOf(log).map(({ text }) => text);
  assert.match(rows[0] ?? '', /^◉ ╮/);
  assert.match(rows.at(-1) ?? '', /^● ╯/);
  assert.deepEqual(
    (await repository.log({ count: 10, path: 'renamed' })).map(({ subject }) => subject),
    ['rename', 'base'],
  );
  assert.equal((await repository.log({ count: 10, grep: 'REN' })).length, 1);
  const renamed = log.find(({ subject }) => subject === 'rename');
  assert.deepEqual(await repository.filesOf(renamed?.oid ?? ''), [
    { letter: 'R', path: 'renamed', from: 'a' },
  ]);
  assert.deepEqual(await repository.filesOf(log.at(-1)?.oid ?? ''), [{ letter: 'A', path: 'a' }]);
  const blame = await repository.blame('renamed');
  assert.deepEqual(
    blame.map(({ summary, author, uncommitted }) => [summary, author, uncommitted]),
    [['base', 'Ada', false]],
  );
});

test('a repository of somebody else is told apart from none', {
  skip: process.getuid?.() !== 0,
}, async (t) => {
  const { folder, host, repository } = await newRepository(t);
  execFileSync('chown', ['-R', '12345', folder]);
  await assert.rejects(GitRepository.find(host, repository.version, folder), failsAs('not-owner'));
});

test('a lock that was left behind and a broken repository have names', async (t) => {
  const { folder, repository } = await newRepository(t);
  write(folder, 'a', '1');
  writeFileSync(path.join(folder, '.git/index.lock'), '');
  await assert.rejects(repository.stage(['a']), failsAs('locked'));
  rmSync(path.join(folder, '.git/index.lock'));
  rmSync(path.join(folder, '.git/HEAD'));
  await assert.rejects(repository.status(), failsAs('no-repository'));
});

test('versions of git are read from what distributions print', () => {
  assert.equal(GitVersion.parse('git version 2.39.5 (Apple Git-154)\n')?.has('pathspecFromFile'), true);
  assert.equal(GitVersion.parse('git version 2.20.1\n')?.has('pathspecFromFile'), false);
  assert.equal(GitVersion.parse('git version 2.35.1.windows.2')?.has('stashStaged'), true);
  assert.equal(GitVersion.parse('hub 1.0'), undefined);
});

test('a merge is picked and reverted as what it brought, and what is here already leaves nothing half done', async (t) => {
  const { folder, repository } = await newRepository(t);
  write(folder, 'a', '1\n');
  await repository.stageAll();
  await repository.commit('base');
  await repository.createBranch('side');
  write(folder, 'b', '1\n');
  await repository.stageAll();
  await repository.commit('side');
  git(folder, 'checkout', '-q', '-b', 'joined', 'main');
  git(folder, 'merge', '-q', '--no-ff', '--no-edit', 'side');
  const [merge] = await repository.log({ count: 1 });
  assert.ok(merge);
  await repository.checkout('main');
  assert.equal(await repository.cherryPick(merge), true);
  assert.equal(readFileSync(path.join(folder, 'b'), 'utf8'), '1\n');
  const picked = git(folder, 'rev-parse', 'HEAD');
  write(folder, 'a', 'not committed\n');
  assert.equal(await repository.cherryPick(merge), false);
  assert.equal(await repository.unfinished(), undefined);
  assert.equal(git(folder, 'rev-parse', 'HEAD'), picked);
  assert.equal(readFileSync(path.join(folder, 'a'), 'utf8'), 'not committed\n');
  assert.equal(await repository.revert(merge), true);
  assert.equal(existsSync(path.join(folder, 'b')), false);
  git(folder, 'checkout', '-q', 'a');
  write(folder, 'a', '2\n');
  await repository.commit('two', { all: true });
  const [two] = await repository.log({ count: 1 });
  assert.ok(two);
  assert.equal(await repository.revert(two), true);
  assert.equal(await repository.revert(two), false);
  assert.equal(await repository.unfinished(), undefined);
});

test('earlier messages are those committed here, also what was amended or undone, and nobody else’s', async (t) => {
  const { folder, repository } = await newRepository(t);
  assert.deepEqual(await repository.earlierMessages(), []);
  const { folder: other } = await newRepository(t);
  write(other, 'theirs', 'x');
  git(other, 'add', '-A');
  git(other, 'commit', '-qm', 'of somebody else');
  write(folder, 'a', '1');
  await repository.stageAll();
  await repository.commit('first\n\nwith a body');
  await repository.commit('amended', { amend: true });
  write(folder, 'a', '2');
  await repository.commit('undone', { all: true });
  await repository.undoCommit();
  git(folder, 'stash', '-q');
  git(folder, 'pull', '-q', '--no-rebase', '--allow-unrelated-histories', '--no-edit', other, 'main');
  assert.deepEqual(await repository.earlierMessages(), ['undone', 'amended', 'first\n\nwith a body']);
  assert.deepEqual(await repository.earlierMessages(1), ['undone']);
});

test('what hooks print is handed over, and a hook that refuses without a word of git’s is one', async (t) => {
  const { folder, repository } = await newRepository(t);
  const hook = (name: string, text: string) =>
    writeFileSync(path.join(folder, '.git/hooks', name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  write(folder, 'a', '1');
  await repository.stageAll();
  hook('pre-commit', 'echo 3 files were checked');
  const { summary, hooks } = await repository.commit('first');
  assert.match(summary, /first/);
  assert.equal(hooks, '3 files were checked');
  hook('pre-commit', 'echo "a is too long" >&2; exit 1');
  write(folder, 'a', '2');
  await assert.rejects(
    repository.commit('second', { all: true }),
    (error) => failsAs('hook')(error) && (error as GitFailure).words === 'a is too long',
  );
  hook('pre-commit', 'exit 0');
  const remote = scratch(t);
  git(remote, 'init', '-q', '--bare');
  writeFileSync(path.join(remote, 'hooks/pre-receive'), '#!/bin/sh\necho "only on weekdays"; exit 1\n', {
    mode: 0o755,
  });
  git(folder, 'remote', 'add', 'origin', remote);
  await assert.rejects(
    repository.push('origin', 'main'),
    (error) => failsAs('hook')(error) && /remote: only on weekdays/.test((error as GitFailure).words),
  );
});
