// `npm start` shows what Livemount is without a click.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { chromium } from 'playwright-core';
import { chromiumOptions, findChromium } from '../../scripts/vscode.mjs';
import { artifactsFolder, projectFolder, shows } from './editor';

test('`npm start` shows a log that grows, files that come and go, and a README that says why', async (context) => {
  const executable = await findChromium();
  assert.ok(executable, 'these tests need Chromium');
  const trial = spawn(process.execPath, [path.join(projectFolder, 'scripts/start.mjs')], {
    // Without `code` on the PATH the window opens in a browser.
    env: { ...process.env, PATH: '/usr/sbin:/usr/bin:/sbin:/bin', DISPLAY: '', WAYLAND_DISPLAY: '' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  context.after(async () => {
    const ended = once(trial, 'exit');
    trial.kill('SIGTERM');
    await ended;
  });
  const url = await new Promise<string>((resolve, reject) => {
    let printed = '';
    trial.stdout.on('data', (chunk) => {
      printed += chunk;
      const found = /http:\/\/127\.0\.0\.1:\S+/.exec(printed)?.[0];
      if (found !== undefined && printed.includes('press Ctrl-C')) resolve(found);
    });
    trial.once('exit', () => reject(new Error(`it ended: ${printed}`)));
  });
  const browser = await chromium.launch(chromiumOptions(executable));
  context.after(() => browser.close());
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await page.goto(url);
  await mkdir(artifactsFolder, { recursive: true });
  const shot = (name: string) =>
    page.screenshot({ path: path.join(artifactsFolder, `first-run-${name}.png`) });
  try {
    await shows(page.locator('.explorer-folders-view .monaco-list-row[aria-label^="guest-"]').first());
    const lastLine = () =>
      page
        .locator('.editor-instance .view-lines', { hasText: /step\s\d+\sdone/ })
        .first()
        .textContent();
    await shows(page.locator('.editor-instance .view-lines', { hasText: /step\s\d+\sdone/ }).first());
    const before = await lastLine();
    for (let i = 0; i < 100 && (await lastLine()) === before; i++) await page.waitForTimeout(200);
    assert.notEqual(await lastLine(), before, 'the log follows its end');
    await shows(page.locator('.tab', { hasText: 'README.md' }));
    await shot('1-live');
    await shows(page.getByText('programs on the host “sample” do').first());
    // The ports of the trial are not offered.
    assert.equal(await page.getByText('is available').count(), 0);
    await page.keyboard.press('F1');
    const input = page.locator('.quick-input-widget input');
    await input.fill('>Livemount: Show Log');
    await page.locator('.quick-input-list .monaco-list-row', { hasText: 'Show Log' }).first().waitFor();
    await page.keyboard.press('Enter');
    await shows(
      page.locator('.output-view-container, .panel .view-lines', { hasText: 'connected through' }).first(),
    );
  } finally {
    await shot('2-log');
  }
});
