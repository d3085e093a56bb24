// A file of root's, edited and saved from a window of a user who may not write it but may use sudo.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { makeAccount } from '../fixtures/accounts';
import { startSshd } from '../fixtures/sshd';
import { openEditor, projectFolder } from './editor';

const PASSWORD = 'correct horse';
const SHOWN_WITHIN_MS = 30_000;

test('“Save as Root…” unlocks a read-only file, and writes it with the user’s password', async (context) => {
  const account = makeAccount('lmwindow', '/bin/sh', PASSWORD);
  context.after(() => account.dispose());
  const sudoers = `/etc/sudoers.d/${account.name}`;
  writeFileSync(sudoers, `${account.name} ALL=(root) ALL\n`, { mode: 0o440 });
  context.after(() => rmSync(sudoers, { force: true }));
  const sshd = await startSshd({ user: account.name });
  context.after(() => sshd.dispose());
  const folder = mkdtempSync(path.join(tmpdir(), 'livemount-as-root-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  chmodSync(folder, 0o755);
  const file = path.join(folder, 'hosts.conf');
  writeFileSync(file, 'old\n', { mode: 0o644 });

  await using editor = await openEditor({
    folders: [`livemount://${sshd.host}${folder}`],
    extension: projectFolder,
    settings: { 'livemount.ssh.configFile': sshd.configFile, 'livemount.graceTime': 1 },
  });
  const { page } = editor;
  await editor.row('hosts.conf').dblclick();
  await editor.text.getByText('old').waitFor({ timeout: SHOWN_WITHIN_MS });
  await editor.command('Livemount: Save as Root…');
  await page.locator('.tab .codicon-lock').waitFor({ state: 'hidden', timeout: SHOWN_WITHIN_MS });
  await editor.text.click();
  await page.keyboard.press('Control+Home');
  await page.keyboard.type('new ');
  await page
    .locator('.tab.dirty')
    .waitFor({ timeout: SHOWN_WITHIN_MS })
    .finally(() => editor.screenshot('save-as-root-typed'));
  // The tab stays one that is edited as root: its ordinary save goes the same way.
  await page.keyboard.press('Control+S');
  const password = page.locator('.quick-input-widget input[type="password"]');
  await password.waitFor({ timeout: SHOWN_WITHIN_MS });
  await password.fill(PASSWORD);
  await page.keyboard.press('Enter');
  try {
    await page.locator('.tab.dirty').waitFor({ state: 'hidden', timeout: SHOWN_WITHIN_MS });
  } finally {
    await editor.screenshot('save-as-root');
  }
  assert.equal(readFileSync(file, 'utf8'), 'new old\n');
  const { uid, mode } = statSync(file);
  assert.deepEqual([uid, mode & 0o777], [0, 0o644]);
});

test('a file that is protected from writing is deleted in the explorer where the host allows it', async (context) => {
  const account = makeAccount('lmprotected', '/bin/sh', PASSWORD);
  context.after(() => account.dispose());
  const sshd = await startSshd({ user: account.name });
  context.after(() => sshd.dispose());
  const folder = path.join(account.home, 'project');
  mkdirSync(folder);
  const file = path.join(folder, 'own0444.txt');
  writeFileSync(file, 'mine\n', { mode: 0o444 });
  execFileSync('chown', ['--recursive', `${account.name}:`, folder]);
  await using editor = await openEditor({
    folders: [`livemount://${sshd.host}${folder}`],
    extension: projectFolder,
    settings: { 'livemount.ssh.configFile': sshd.configFile, 'livemount.graceTime': 1 },
  });
  const { page } = editor;
  await editor.row('own0444.txt').click();
  await page.keyboard.press('Shift+Delete');
  const dialog = page.locator('.monaco-dialog-box');
  await dialog.getByText('Delete', { exact: true }).click();
  try {
    await editor.row('own0444.txt').waitFor({ state: 'hidden', timeout: SHOWN_WITHIN_MS });
    await dialog.waitFor({ state: 'hidden', timeout: SHOWN_WITHIN_MS });
  } finally {
    await editor.screenshot('delete-protected');
  }
  assert.ok(!existsSync(file));
});
