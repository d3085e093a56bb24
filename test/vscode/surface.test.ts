// What happens on the host to a file that is open, and how its user is told.
import assert from 'node:assert/strict';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { openEditor, projectFolder, shows } from './editor';
import { startRemoteHost } from './remoteHost';

test('an open file that the host renames or changes', async (t) => {
  const remote = await startRemoteHost();
  t.after(() => remote.dispose());
  const at = (name: string) => path.join(remote.folder, name);
  await using editor = await openEditor({
    folders: [remote.folderUri],
    open: 'folder',
    extension: projectFolder,
    // A hover over a row that changed its name under the pointer would lie over the next row.
    settings: { ...remote.settings, 'workbench.hover.delay': 600_000 },
  });
  const { page } = editor;
  const tab = (name: string) => page.locator('.tab', { hasText: name }).first();
  await shows(editor.row('README.md'));

  await t.test('keeps its tab under its new name, also where a folder above it was renamed', async () => {
    await editor.row('src').click();
    await editor.row('main.c').dblclick();
    await shows(editor.text.getByText('int main'));
    // The watch stands once a change has shown.
    for (let i = 0; !(await editor.text.getByText('watched').isVisible()); i++) {
      assert.ok(i < 100, 'the editor does not follow');
      writeFileSync(at('src/main.c'), `int main(void) {\n  return 0; /* watched ${i} */\n}\n`);
      await page.waitForTimeout(300);
    }
    renameSync(at('src/main.c'), at('src/start.c'));
    await shows(tab('start.c'));
    await tab('main.c').waitFor({ state: 'hidden' });
    await editor.screenshot('surface-renamed');
    renameSync(at('src'), at('source'));
    await shows(page.locator('.breadcrumbs-control', { hasText: 'source' }).first());
    writeFileSync(at('source/start.c'), 'int main(void) { return 1; /* after */ }\n');
    await shows(editor.text.getByText('after'));
  });

  await t.test('stays where it is when it was only put aside, as a log that is rotated', async () => {
    writeFileSync(at('app.log'), 'old lines\n');
    await editor.row('app.log').dblclick();
    await shows(editor.text.getByText('old lines'));
    renameSync(at('app.log'), at('app.log.1'));
    writeFileSync(at('app.log'), 'new lines\n');
    await shows(editor.text.getByText('new lines'));
    await page.waitForTimeout(2500);
    assert.equal(await tab('app.log.1').count(), 0);
    await shows(editor.text.getByText('new lines'));
  });

  await t.test('is compared with what is on the host, by its name, when a save would lose that', async () => {
    await editor.row('README.md').dblclick();
    await shows(editor.text.getByText('On the remote host'));
    await editor.text.click();
    await page.keyboard.press('Control+Home');
    await page.keyboard.type('Mine. ');
    // As long as what is there, which the editor takes for unchanged; and older.
    const theirs = readFileSync(at('README.md'), 'utf8').replace('remote', 'REMOTE');
    writeFileSync(at('README.md.new'), theirs);
    renameSync(at('README.md.new'), at('README.md'));
    await page.keyboard.press('Control+S');
    const message = await editor.told(/was changed on remote at .+, after you read it/);
    await editor.screenshot('surface-conflict');
    await message.getByText('Compare').click();
    await shows(tab('README.md: now on remote ↔ yours, not saved'));
    await shows(page.locator('.monaco-diff-editor').getByText('REMOTE').first());
    await editor.screenshot('surface-compare');
    const again = page.locator('.notification-list-item', { hasText: /was changed on remote at/ }).first();
    // Keys that come before the comparison has the focus go elsewhere.
    for (let tries = 0; tries < 5 && !(await again.isVisible()); tries++) {
      await page.locator('.monaco-diff-editor .editor.modified .view-line').first().click();
      await page.keyboard.press('Control+S');
      await again.waitFor({ state: 'visible', timeout: 8000 }).catch(() => undefined);
    }
    await editor.told(/was changed on remote at/);
    assert.equal(readFileSync(at('README.md'), 'utf8'), theirs, 'looking at it is not reading it');
  });
});
