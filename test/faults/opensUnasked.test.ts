// A link, a folder or a workspace file that somebody sends connects no host by itself: a question names the host first.
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { answers, clear, commandsRun, fake, memento, shown } from '../extension/support/fakeVscode';
import { AllowedHosts } from '../../src/extension/hosts/allowedHosts';
import { Links } from '../../src/extension/open/links';
import { WindowLog } from '../../src/extension/show';

beforeEach(clear);

const questions = () => shown.filter(({ door }) => door === 'showWarningMessage').map(({ text }) => text);

test('a host of the SSH configuration is connected without a question, another one only after a yes', async () => {
  const allowed = new AllowedHosts(memento(), () => ['build']);
  assert.equal(await allowed.permit('build'), true);
  assert.deepEqual(questions(), []);
  assert.equal(await allowed.permit('evil.example'), false);
  assert.match(questions()[0] ?? '', /evil\.example/);
  answers.push('Connect');
  assert.equal(await allowed.permit('evil.example'), true);
  assert.equal(await allowed.permit('evil.example'), true);
  assert.equal(questions().length, 2, 'a yes is remembered');
});

test('thirty calls that need a host at once ask one question', async () => {
  const allowed = new AllowedHosts(memento(), () => []);
  const permits = await Promise.all(Array.from({ length: 30 }, () => allowed.permit('evil.example')));
  assert.deepEqual(new Set(permits), new Set([false]));
  assert.equal(questions().length, 1);
});

test('a yes holds for that user and port of the host, not for others', async () => {
  const allowed = new AllowedHosts(memento(), () => []);
  await allowed.allow('me@build:22');
  assert.equal(allowed.isAllowed('me@build:22'), true);
  assert.equal(allowed.isAllowed('root@build:22'), false);
  assert.equal(allowed.isAllowed('build'), false);
  await allowed.forget('me@build:22');
  assert.equal(allowed.isAllowed('me@build:22'), false);
});

test('where no question can be shown nobody said yes', async () => {
  const { showWarningMessage } = fake.window;
  fake.window.showWarningMessage = () => Promise.reject(new Error('refused to show dialog in tests'));
  try {
    assert.equal(await new AllowedHosts(memento(), () => []).permit('evil.example'), false);
  } finally {
    fake.window.showWarningMessage = showWarningMessage;
  }
});

function follow(path: string): Promise<void> {
  const allowed = new AllowedHosts(memento(), () => ['build']);
  const link = fake.Uri.from({ scheme: 'vscode', authority: 'livemount.livemount', path });
  return new Links(allowed, new WindowLog()).handleUri(link as never);
}

test('a link asks, also for a host of the SSH configuration, and names host and folder', async () => {
  await follow('/build/srv/project');
  assert.match(questions()[0] ?? '', /\/srv\/project on build/);
  assert.equal(commandsRun.length, 0);
  answers.push('Open');
  await follow('/build/srv/project');
  assert.equal(commandsRun[0]?.id, 'vscode.openFolder');
  assert.equal(String(commandsRun[0]?.args[0]), 'livemount://build/srv/project');
});

test('a link that names no host opens nothing and says so', async () => {
  answers.push('Open');
  for (const path of ['/-oProxyCommand=x/srv', '/a%20b$(x)/srv', '//srv', '/']) await follow(path);
  assert.equal(commandsRun.length, 0);
  assert.deepEqual(questions(), []);
});
