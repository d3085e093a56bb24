// A repository in which every name, message and output is poison: what the git part shows of it is text and nothing else.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import {
  answers,
  boxes,
  clear,
  commandsRun,
  controls,
  fake,
  registered,
  shown,
} from '../extension/support/fakeVscode';
import { fitToShow } from '../../src/base/fitToShow';
import { uriOf } from '../../src/extension/uris';
import { eventually } from '../client/support/hostAgent';
import { isFit, POISON, POISON_LINK, POISON_NAME } from '../fixtures/poison';
import { cleanEnv, git } from './localHost';
import { openWindow } from './openWindow';

const HOST = `h${POISON.replace('\ud800', '')}`;
const NAME = POISON_NAME.replaceAll('/', '');
/** Git prints one line for a root, so one with a line break is not offered. */
const FOLDER = NAME.replace('\n', '').slice(0, 60);
/** What git takes as a branch of all that. */
const BRANCH = 'x$(error)\u202e](command:x)'.replace(':', '');
const WORDS = POISON.replace('\ud800', '').replaceAll('\u0000', '');
const SEVERAL_LINES = /\.(?:detail|prompt|tooltip)$/;

function hostileRepository(dir: string): string {
  const folder = path.join(dir, FOLDER);
  mkdirSync(folder);
  git(folder, 'init', '-q');
  git(folder, 'symbolic-ref', 'HEAD', `refs/heads/${BRANCH}`);
  const as = {
    ...cleanEnv,
    GIT_AUTHOR_NAME: WORDS.replaceAll('<', ''),
    GIT_AUTHOR_EMAIL: `${POISON_LINK}@x`,
  };
  const commit = (message: string) =>
    execFileSync('git', ['commit', '-q', '--allow-empty', '-F', '-'], {
      cwd: folder,
      env: as,
      input: message,
    });
  writeFileSync(path.join(folder, NAME), 'one\n');
  git(folder, 'add', '-A');
  commit(WORDS);
  git(folder, 'branch', `${BRANCH}2`);
  git(folder, 'tag', '-a', '-m', WORDS, `t${BRANCH}`);
  writeFileSync(path.join(folder, NAME), 'two\n');
  git(folder, 'stash', 'push', '-q', '-m', WORDS);
  writeFileSync(path.join(folder, NAME), 'three\n');
  git(folder, 'add', '-A');
  commit(`second ${WORDS}`);
  writeFileSync(path.join(folder, NAME), 'four\n');
  writeFileSync(path.join(folder, `new ${NAME}`), 'x\n');
  const remote = path.join(dir, 'remote.git');
  git(dir, 'init', '-q', '--bare', remote);
  const hook = `#!/bin/sh\ncat <<'EOF'\n${WORDS}\nEOF\nexit 1\n`;
  writeFileSync(path.join(remote, 'hooks/pre-receive'), hook);
  chmodSync(path.join(remote, 'hooks/pre-receive'), 0o755);
  git(folder, 'remote', 'add', `r${BRANCH}`, remote);
  return folder;
}

/** Everything that was shown so far, judged. */
function judge(what: string): void {
  for (const { id, args } of commandsRun) {
    if (id === 'vscode.changes' && typeof args[0] === 'string') shown.push({ door: id, text: args[0] });
  }
  for (const { door, text } of shown) {
    const lines = SEVERAL_LINES.test(door) ? text.split('\n') : [text];
    for (const line of lines) assert.ok(isFit(line), `${what}: ${door}: ${JSON.stringify(text)}`);
    // The log shows icons and links as text.
    if (door === 'log') continue;
    assert.ok(!text.includes('$(error)'), `${what}: ${door} has an icon: ${JSON.stringify(text)}`);
    assert.doesNotMatch(text, /\]\((?:command|\/|x)/, `${what}: ${door}`);
  }
}

test('nothing of a hostile repository is shown as anything but text', async (t) => {
  let folder = '';
  const { dir, session } = await openWindow(t, {
    host: HOST,
    folder: (dir) => {
      folder = hostileRepository(dir);
      const foreign = path.join(dir, `of another ${FOLDER}`);
      mkdirSync(foreign);
      git(foreign, 'init', '-q');
      if (process.getuid?.() === 0) {
        chownSync(foreign, 12345, 12345);
        chownSync(path.join(foreign, '.git'), 12345, 12345);
      }
      return dir;
    },
  });
  clear();
  await session.vfs();
  const control = () => [...controls.values()].find(({ rootUri }) => rootUri?.path === folder);
  const states = () => shown.filter(({ door }) => door.startsWith('scm.group')).length;
  await eventually('the repository', () => control() !== undefined && states() > 0);
  judge('the view');
  if (process.getuid?.() === 0)
    await eventually('the folder of another user', () =>
      shown.some(({ text }) => text.includes('belongs to another user')),
    );
  judge('the folder of another user');

  const run = async (id: string, ...replies: (string | undefined)[]) => {
    clear();
    answers.push(...replies);
    const work = Promise.resolve(registered.get(id)?.(control()));
    // These wait for a commit to be chosen.
    if (/cherryPick|revertCommit/.test(id))
      await eventually('the picker', () => (boxes[0]?.items.length ?? 0) > 0);
    else await work;
    judge(id);
    return shown.map(({ text }) => text).join('\n');
  };
  for (const id of [...registered.keys()].filter((one) => one.startsWith('livemount.git.'))) await run(id);

  for (const id of ['livemount.git.log', 'livemount.git.cherryPick', 'livemount.git.revertCommit']) {
    await run(id);
    const [box] = boxes;
    assert.ok(box && box.items.length > 1, id);
    box.selectedItems = [box.items.at(-1)] as never;
    box.fire('onDidAccept', undefined);
    await eventually(`${id} has an end`, () => shown.length > 6);
    judge(`${id}, accepted`);
  }
  await run('livemount.git.log');
  answers.push('Copy Hash');
  boxes[0]?.fire('onDidTriggerItemButton', { item: boxes[0].items[0] });
  await eventually('the offers', () => shown.some(({ text }) => text === 'Copy Hash'));
  judge('what can be done with a commit');

  const changed = 'Your changes would be overwritten';
  assert.match(await run('livemount.git.checkout', fitToShow(`t${BRANCH}`)), new RegExp(changed));
  assert.match(
    await run('livemount.git.stashPop', fitToShow(`On ${BRANCH}: ${WORDS}`), 'Remove It Without Applying'),
    /Remove the stash/,
  );
  writeFileSync(
    path.join(folder, '.git/hooks/pre-commit'),
    `#!/bin/sh\ncat >&2 <<'EOF'\n${WORDS}\nEOF\nexit 1\n`,
    {
      mode: 0o755,
    },
  );
  const box = control()?.inputBox;
  assert.ok(box);
  box.value = 'mine';
  assert.match(await run('livemount.git.commitAll'), /A hook of the repository refused: .*end/);
  assert.equal(box.value, 'mine', 'what was typed is still there');
  writeFileSync(path.join(folder, '.git/hooks/pre-commit'), `#!/bin/sh\ncat >&2 <<'EOF'\n${WORDS}\nEOF\n`);
  assert.match(await run('livemount.git.commitAll'), /Committed\. The hooks said: .*end/);
  assert.match(await run('livemount.git.push'), /A hook of the repository refused|The remote refused/);

  writeFileSync(path.join(folder, '.git/index.lock'), '');
  await run('livemount.git.unstageAll', 'Remove the Lock');
  // A command that failed has ended before its message is there.
  await eventually('the lock is removed', () =>
    shown.some(({ text }) => text.includes('The lock is removed')),
  );
  assert.match(shown.map(({ text }) => text).join('\n'), /has left its lock behind/);
  judge('a lock');
  assert.equal(existsSync(path.join(folder, '.git/index.lock')), false);

  const decorations: unknown[] = [];
  fake.window.activeTextEditor = {
    document: {
      uri: uriOf({ host: HOST, path: path.join(folder, NAME) }),
      version: 1,
      lineCount: 1,
      isDirty: false,
    },
    setDecorations: (_type: unknown, ...more: unknown[]) => decorations.push(...more),
  } as never;
  t.after(() => (fake.window.activeTextEditor = undefined));
  await run('livemount.git.blame');
  const drawn = JSON.stringify(decorations);
  assert.match(drawn, /contentText/);
  assert.doesNotMatch(drawn, /[^\\]\]\(command|\$\(error\)/, drawn);
  for (const { hoverMessage } of decorations.flat() as { hoverMessage: { value: string } }[]) {
    for (const line of hoverMessage.value.split('\n')) assert.ok(isFit(line), line);
  }
  assert.ok(dir);
});
