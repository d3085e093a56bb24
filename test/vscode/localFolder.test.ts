// "Open as Local Folder": what a user sees of a live mount, in real windows.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { artifactsFolder, openEditor, projectFolder, shows } from './editor';
import { startRemoteHost } from './remoteHost';

/** The live mounts below a folder. */
function mountsBelow(folder: string): string[] {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  return lines.map((line) => line.split(' ')[4] ?? '').filter((at) => at.startsWith(`${folder}/`));
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 300 && !(await holds()); i++) await new Promise((resolve) => setTimeout(resolve, 200));
  assert.ok(await holds(), what);
}

const shot = (page: Page, name: string) =>
  page.screenshot({ path: path.join(artifactsFolder, `local-folder-${name}.png`) });

test('a folder of a host opens as a local one, is listed, ended after a question, and comes back with its window', async (t) => {
  const remote = await startRemoteHost();
  t.after(() => remote.dispose());
  const runtime = mkdtempSync(path.join(tmpdir(), 'livemount-runtime-'));
  t.after(() => {
    for (const at of mountsBelow(runtime)) spawnSync('umount', ['-l', at]);
    rmSync(runtime, { recursive: true, force: true });
  });
  await using editor = await openEditor({
    folders: [remote.folderUri],
    open: 'folder',
    extension: projectFolder,
    settings: remote.settings,
    env: { XDG_RUNTIME_DIR: runtime },
  });
  const { page } = editor;
  await shows(editor.row('README.md'));

  const opened = page.context().waitForEvent('page');
  await editor.command('Livemount: Open as Local Folder');
  const local = await opened;
  const row = (name: string) =>
    local.locator(`.explorer-folders-view .monaco-list-row[aria-label^="${name}"]`).first();
  await shows(row('README.md'));
  const [at = ''] = mountsBelow(runtime);
  assert.equal(path.basename(at), path.basename(remote.folder));
  assert.equal(readFileSync(path.join(at, 'README.md'), 'utf8'), '# On the remote host\n');

  await t.test('the local window shows a change on the host by itself', async () => {
    await row('README.md').dblclick();
    const text = local.locator('.editor-instance .view-lines').first();
    await shows(text.getByText('On the remote host'));
    await until('the editor follows', async () => {
      writeFileSync(path.join(remote.folder, 'README.md'), `# Changed on the host ${Math.random()}\n`);
      return text.getByText('Changed on the host').isVisible();
    });
    await shot(local, '1-window');
  });

  await t.test('the Hosts view lists it, and ends it after a question while it is in use', async () => {
    await editor.activityIcon.click();
    const listed = page
      .locator('.pane-body .monaco-list-row', { hasText: `remote:${remote.folder}` })
      .first();
    await shows(listed);
    await shot(page, '2-listed');
    const user = spawnSync('sh', ['-c', 'sleep 600 >/dev/null 2>&1 & echo $!'], {
      cwd: at,
      encoding: 'utf8',
    });
    const pid = Number(user.stdout);
    try {
      await listed.hover();
      await listed.locator('.action-label[aria-label="End Local Folder"]').click();
      const dialog = page.locator('.monaco-dialog-box');
      await shows(dialog.getByText('is in use on this machine'));
      await shot(page, '3-in-use');
      await page.keyboard.press('Escape');
      await dialog.waitFor({ state: 'hidden' });
      assert.deepEqual(mountsBelow(runtime), [at]);
    } finally {
      process.kill(pid, 'SIGKILL');
    }
  });

  await t.test('a mount that is gone comes back with its window', async () => {
    assert.equal(spawnSync('umount', ['-l', at]).status, 0);
    await until('it is gone', () => mountsBelow(runtime).length === 0);
    await local.reload();
    await shows(row('README.md'));
    assert.deepEqual(mountsBelow(runtime), [at]);
    await shot(local, '4-back');
  });

  await t.test('ended in the view, it is gone with its mount point', async () => {
    await local.close();
    const listed = page
      .locator('.pane-body .monaco-list-row', { hasText: `remote:${remote.folder}` })
      .first();
    await until('it is ended', async () => {
      if (mountsBelow(runtime).length === 0) return true;
      await listed.hover().catch(() => undefined);
      await listed.locator('.action-label[aria-label="End Local Folder"]').click();
      await page.waitForTimeout(1500);
      const anyway = page.locator('.monaco-dialog-box').getByText('End It Anyway');
      if (await anyway.isVisible()) await anyway.click();
      await page.waitForTimeout(1000);
      return mountsBelow(runtime).length === 0;
    });
    await until('the mount point is gone', () => !existsSync(at));
    assert.ok(readdirSync(remote.folder).includes('README.md'), 'the host has what it had');
    await listed.waitFor({ state: 'hidden' });
  });
});
