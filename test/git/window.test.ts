// What the window does with repositories of a host, from the event there to the view, without an editor.
import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import {
  commandsRun,
  clear,
  controls,
  providers,
  registered,
  shown,
  watchers,
} from '../extension/support/fakeVscode';
import { repositoriesBelow } from '../../src/client/git/nested';
import { uriOf } from '../../src/extension/uris';
import { eventually } from '../client/support/hostAgent';
import { git, LocalHost, scratch } from './localHost';
import { HOST, openWindow, roots } from './openWindow';

function repositoryIn(folder: string): string {
  mkdirSync(folder, { recursive: true });
  git(folder, 'init', '-q');
  git(folder, 'symbolic-ref', 'HEAD', 'refs/heads/main');
  writeFileSync(path.join(folder, 'file'), 'one\n');
  git(folder, 'add', '-A');
  git(folder, 'commit', '-qm', 'first');
  return folder;
}

const controlOf = (root: string) => [...controls.values()].find(({ rootUri }) => rootUri?.path === root);

/** The words of the status bar entry and the placeholder of a repository. */
const branchOf = (root: string) => controlOf(root)?.statusBarCommands?.[0]?.title ?? '';

test('repositories are found levels below a folder, the nearest first, and not among packages', async (t) => {
  const folder = scratch(t);
  for (const below of ['z', 'a/b/c/d', 'a/line\nbreak', "it's $(id)", 'node_modules/x', 'z/.git/modules/m']) {
    repositoryIn(path.join(folder, below));
  }
  repositoryIn(folder);
  assert.deepEqual(
    (await repositoriesBelow(new LocalHost(), folder)).map((one) => path.relative(folder, one)),
    ["it's $(id)", 'z', 'a/line\nbreak', 'a/b/c/d'],
  );
  assert.deepEqual(await repositoriesBelow(new LocalHost(), path.join(folder, 'nothing')), []);
});

test('nested repositories, submodules and linked work trees are each in the view, and new ones come', async (t) => {
  let source = '';
  const { dir, session } = await openWindow(t, {
    folder: (dir) => {
      source = repositoryIn(path.join(dir, 'source'));
      const main = repositoryIn(path.join(dir, 'w/main'));
      git(main, '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', source, 'parts/sub');
      git(main, 'commit', '-qm', 'a submodule');
      git(main, 'worktree', 'add', '-q', '-b', 'side', path.join(dir, 'w/x/y/linked'));
      repositoryIn(path.join(dir, 'w/deep/er/than/one'));
      return path.join(dir, 'w');
    },
  });
  await session.vfs();
  const at = (name: string) => path.join(dir, 'w', name);
  const expected = ['deep/er/than/one', 'main', 'main/parts/sub', 'x/y/linked'].map(at);
  await eventually('all are found', () => roots().join() === expected.join());
  await eventually('they have a branch', () => expected.every((root) => /main|side/.test(branchOf(root))));

  // A commit inside touches nothing that the repository around it watches.
  writeFileSync(at('main/parts/sub/file'), 'two\n');
  const states = () =>
    (controlOf(at('main'))?.statusBarCommands?.[0]?.title ?? '') && shown.map(({ text }) => text).join('|');
  await eventually('the submodule has changed files', () =>
    states().includes('Submodule with changed files'),
  );
  clear();
  git(at('main/parts/sub'), 'commit', '-qam', 'inside');
  await eventually('the submodule has another commit', () =>
    states().includes('Submodule with other commit'),
  );

  repositoryIn(at('a/new/one'));
  const [watcher] = watchers.slice(-1);
  watcher?.created.fire(uriOf({ host: HOST, path: at('a/new/one/.git') }) as never);
  await eventually('the new one', () => roots().includes(at('a/new/one')));
});

test('a refresh is one round trip from end to end', async (t) => {
  const { dir, session, link } = await openWindow(t, {
    lockstep: true,
    folder: (dir) => repositoryIn(path.join(dir, 'r')),
  });
  await session.vfs();
  const root = path.join(dir, 'r');
  await eventually('the branch', () => branchOf(root).includes('main'));
  await eventually('nothing under way', () => link.wire.rounds === link.rounds);
  await registered.get('livemount.git.refresh')?.(controlOf(root));
  const before = link.rounds;
  const requests = link.requests.length;
  await registered.get('livemount.git.refresh')?.(controlOf(root));
  assert.equal(link.rounds - before, 1, link.requests.slice(requests).join(' '));
});

test('opening a revision looks it up once, and a change is seen all the same', async (t) => {
  const { dir, session, link } = await openWindow(t, {
    lockstep: true,
    folder: (dir) => repositoryIn(path.join(dir, 'r')),
  });
  await session.vfs();
  const root = path.join(dir, 'r');
  await eventually('the branch', () => branchOf(root).includes('main'));
  await registered.get('livemount.git.refresh')?.(controlOf(root));
  const revisions = providers.get('livemount-git');
  assert.ok(revisions);
  const uri = uriOf({ host: HOST, path: path.join(root, 'file') }).with({
    scheme: 'livemount-git',
    query: JSON.stringify({ ref: '', root }),
  });
  const open = async () => {
    await revisions.stat(uri);
    return Buffer.from(await revisions.readFile(uri)).toString();
  };
  const before = link.rounds;
  assert.equal(await open(), 'one\n');
  assert.equal(link.rounds - before, 2);
  writeFileSync(path.join(root, 'file'), 'two\n');
  git(root, 'add', '-A');
  assert.equal(await open(), 'two\n');
});

test('the sides of a conflict are compared as documents', async (t) => {
  const { dir, session } = await openWindow(t, {
    folder: (dir) => {
      const folder = repositoryIn(path.join(dir, 'r'));
      for (const [branch, text] of [
        ['side', 'theirs'],
        ['main', 'ours'],
      ] as const) {
        git(folder, 'checkout', '-q', '-B', branch, 'HEAD'.concat(branch === 'side' ? '' : '~1'));
        writeFileSync(path.join(folder, 'file'), `${text}\n`);
        git(folder, 'commit', '-qam', text);
      }
      assert.throws(() => git(folder, 'merge', '-q', 'side'));
      return folder;
    },
  });
  await session.vfs();
  const root = path.join(dir, 'r');
  await eventually('the branch', () => branchOf(root).includes('main'));
  clear();
  const uri = uriOf({ host: HOST, path: path.join(root, 'file') });
  await registered.get('livemount.git.compareConflict')?.(uri);
  const shownSides = commandsRun.find(({ id }) => id === 'vscode.diff')?.args ?? [];
  const [left, right] = shownSides as (typeof uri)[];
  const read = async (one: typeof uri) =>
    Buffer.from((await providers.get('livemount-git')?.readFile(one)) ?? '').toString();
  assert.ok(left && right);
  assert.deepEqual([await read(left), await read(right)], ['ours\n', 'theirs\n']);
});

test('what Git LFS keeps is said, not shown, and is compared with nothing', async (t) => {
  const { dir, session } = await openWindow(t, {
    folder: (dir) => {
      const folder = repositoryIn(path.join(dir, 'r'));
      const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'4'.repeat(64)}\nsize 12345\n`;
      writeFileSync(path.join(folder, 'film'), pointer);
      writeFileSync(path.join(folder, 'film2'), `${pointer}${'x'.repeat(2000)}`);
      git(folder, 'add', '-A');
      git(folder, 'commit', '-qm', 'pointers');
      return folder;
    },
  });
  await session.vfs();
  const root = path.join(dir, 'r');
  await eventually('the branch', () => branchOf(root).includes('main'));
  const original = (name: string) =>
    controlOf(root)?.quickDiffProvider?.provideOriginalResource?.(
      uriOf({ host: HOST, path: path.join(root, name) }),
      {} as never,
    );
  assert.equal(await original('film'), undefined);
  const other = await original('film2');
  assert.ok(other);
  const read = async (uri: typeof other) =>
    Buffer.from((await providers.get('livemount-git')?.readFile(uri)) ?? '').toString();
  assert.match(await read(other), /^version https/);
  const film = other.with({ path: path.join(root, 'film') });
  assert.match(await read(film), /^This version is kept by Git LFS: 12345 bytes\..*\nsha256 4{64}\n$/);
});

test('a shallow clone says where its history ends and can be completed; a partial one says what is not there', async (t) => {
  const source = repositoryIn(path.join(scratch(t), 'source'));
  for (const text of ['two', 'three']) {
    writeFileSync(path.join(source, 'file'), `${text}\n`);
    git(source, 'commit', '-qam', text);
  }
  git(source, 'config', 'uploadpack.allowFilter', 'true');
  const { dir, session } = await openWindow(t, {
    folder: (dir) => {
      git(dir, 'clone', '-q', '--depth=1', `file://${source}`, 'w/shallow');
      git(dir, 'clone', '-q', '--filter=blob:none', `file://${source}`, 'w/partial');
      return path.join(dir, 'w');
    },
  });
  await session.vfs();
  const shallow = path.join(dir, 'w/shallow');
  const partial = path.join(dir, 'w/partial');
  await eventually('both', () => [shallow, partial].every((root) => branchOf(root).includes('main')));
  const run = (id: string, root: string) => registered.get(id)?.(controlOf(root));
  const said = () => shown.map(({ text }) => text).join('\n');
  clear();
  await run('livemount.git.log', shallow);
  assert.match(said(), /The history ends here: the clone is a shallow one\./);
  await run('livemount.git.fetchAll', shallow);
  assert.equal(git(shallow, 'rev-list', '--count', 'HEAD').trim(), '3');
  clear();
  await run('livemount.git.log', shallow);
  assert.doesNotMatch(said(), /The history ends here/);
  assert.match(said(), /first/);

  rmSync(source, { recursive: true });
  const first = git(partial, 'rev-list', '--max-parents=0', 'HEAD').trim();
  const uri = uriOf({ host: HOST, path: path.join(partial, 'file') }).with({
    scheme: 'livemount-git',
    query: JSON.stringify({ ref: first, root: partial }),
  });
  await assert.rejects(
    async () => providers.get('livemount-git')?.readFile(uri),
    /That version is not on the host: the clone is a partial one/,
  );
});
