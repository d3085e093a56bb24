import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { artifactsFolder, openEditor, projectFolder, shows } from './editor';
import { startRemoteHost } from './remoteHost';
import { prepareSuite, reportSuite } from './suiteRun';

const MAX_BYTES = 6 * 2 ** 20;

test('the packaged extension, installed from its VSIX', async (context) => {
  const vsix = path.join(artifactsFolder, 'livemount.vsix');
  execFileSync(process.execPath, ['scripts/package.mjs', vsix], { cwd: projectFolder, stdio: 'pipe' });

  await context.test('is small enough to be installed over a slow link', () => {
    const { size } = statSync(vsix);
    assert.ok(size < MAX_BYTES, `${size} bytes`);
  });

  const remote = await startRemoteHost();
  try {
    const suite = await prepareSuite('vsix', remote);
    await using editor = await openEditor({
      folders: [remote.folderUri],
      extension: path.join(projectFolder, 'test/vscode/driver'),
      vsix: [vsix],
      tests: suite.entry,
      settings: remote.settings,
      env: suite.env,
    });
    await reportSuite(context, suite);
    await context.test('its page shows the README with its picture', async () => {
      const { page } = editor;
      // The repository's pictures, from here: what matters is that the page asks for one that is there.
      await page.context().route('https://github.com/**', (route) => {
        const [, file = ''] = /\/raw\/main\/(media\/[\w./-]+)$/.exec(route.request().url()) ?? [];
        return route.fulfill({ path: path.join(projectFolder, file), contentType: 'image/png' });
      });
      await editor.command('Extensions: Show Installed Extensions');
      await page.locator('.extensions-list .monaco-list-row', { hasText: 'Work live in' }).first().click();
      const picture = page
        .frameLocator('iframe.webview.ready')
        .last()
        .frameLocator('iframe')
        .locator('img')
        .first();
      await shows(picture);
      const naturalWidth = () => picture.evaluate((image) => Number(Reflect.get(image, 'naturalWidth')));
      for (let i = 0; i < 50 && (await naturalWidth()) === 0; i++) await page.waitForTimeout(200);
      const width = await naturalWidth();
      await editor.screenshot('vsix-page');
      assert.ok(width > 500, `the picture is ${width} wide`);
    });
  } finally {
    remote.dispose();
  }
});
