// A day's work with git in a real window, over a real sshd: what a person sees and clicks, compared with what git says.
import assert from 'node:assert/strict';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { git } from '../git/localHost';
import { openEditor, projectFolder, shows } from './editor';
import { startSshd } from '../fixtures/sshd';

const lines = (...all: readonly string[]) => all.map((line) => `${line}\n`).join('');
const TEXT = ['one', 'two', 'three', 'four', 'five', 'six', 'seven'];

test('a change is seen in the gutter, staged and committed, and a shell’s branch is followed, in a window', async (context) => {
  const base = realpathSync(mkdtempSync(path.join(tmpdir(), 'livemount-git-window-')));
  context.after(() => rmSync(base, { recursive: true, force: true }));
  git(base, 'init', '-q', 'work');
  const folder = path.join(base, 'work');
  const file = path.join(folder, 'file.txt');
  git(folder, 'symbolic-ref', 'HEAD', 'refs/heads/main');
  git(folder, 'config', 'user.name', 'Ada');
  git(folder, 'config', 'user.email', 'ada@example.org');
  writeFileSync(file, lines(...TEXT));
  git(folder, 'add', '-A');
  git(folder, 'commit', '-qm', 'first');
  const sshd = await startSshd();
  context.after(() => sshd.dispose());
  sshd.addHost('remote', {});
  await using editor = await openEditor({
    folders: [`livemount://remote${folder}`],
    extension: projectFolder,
    settings: { 'livemount.ssh.configFile': sshd.configFile, 'livemount.graceTime': 1 },
  });
  const { page } = editor;
  const until = async (what: string, holds: () => boolean) => {
    for (let look = 0; !holds(); look++) {
      assert.ok(look < 300, what);
      await page.waitForTimeout(200);
    }
  };
  const branch = (name: string) => shows(page.locator('.statusbar-item', { hasText: name }).first());
  const scmRow = (name: string) => page.locator('.scm-view .monaco-list-row', { hasText: name }).first();
  try {
    await context.test('the branch is in the status bar, and a change is in the gutter', async () => {
      await shows(editor.row('file.txt'));
      await editor.row('file.txt').dblclick();
      await shows(editor.text.getByText('three'));
      await branch('main');
      writeFileSync(file, lines('ONE', ...TEXT.slice(1, 6), 'SEVEN'));
      await shows(editor.text.getByText('ONE'));
      await shows(page.locator('.dirty-diff-modified').first());
      await editor.screenshot('git-1-gutter');
    });
    await context.test('the hunk behind a mark is staged by its button', async () => {
      await editor.text.click();
      await page.keyboard.press('Control+Home');
      await page.keyboard.press('Alt+F3');
      const button = page.locator('.peekview-widget [aria-label^="Stage Change"]').first();
      await shows(page.locator('.peekview-widget').first());
      await editor.screenshot('git-2-peek');
      await button.click({ timeout: 20_000 });
      const halves = [lines('ONE', ...TEXT.slice(1)), lines(...TEXT.slice(0, 6), 'SEVEN')];
      await until('one of the two is staged', () => halves.includes(git(folder, 'show', ':file.txt')));
      await page.keyboard.press('Escape');
      await editor.screenshot('git-2-staged');
    });
    await context.test('what is staged is committed with the message of the box', async () => {
      await page.keyboard.press('Control+Shift+G');
      await shows(scmRow('file.txt'));
      const box = page.locator('.scm-view .scm-editor .monaco-editor').first();
      await box.click();
      await page.keyboard.type('from the window');
      await page.keyboard.press('Control+Enter');
      await until('the commit', () => git(folder, 'log', '-1', '--format=%s').trim() === 'from the window');
      assert.equal(git(folder, 'status', '--porcelain').trim(), 'M file.txt');
      await editor.screenshot('git-3-committed');
    });
    await context.test('a branch that a shell switches to is followed by all', async () => {
      git(folder, 'checkout', '-q', '--', '.');
      git(folder, 'checkout', '-q', '-b', 'other', 'HEAD~1');
      await branch('other');
      await shows(editor.text.getByText('one', { exact: true }));
      await page.locator('.dirty-diff-modified').first().waitFor({ state: 'detached' });
    });
  } finally {
    await editor.screenshot('git-last');
  }
});
