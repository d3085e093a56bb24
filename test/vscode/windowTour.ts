// What a user sees, in a real window: the explorer, an editor, mounts, the Livemount view. Every step waits for what
// it expects, and leaves a screenshot to be looked at.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { TestContext } from 'node:test';
import type { Locator } from 'playwright-core';
import type { Editor } from './editor';
import { MOUNTS, mounted, type RemoteHost } from './remoteHost';

/** How long a change on the host, or a click, may take to show. */
const SHOWN_WITHIN_MS = 60_000;

export async function windowTour(
  context: TestContext,
  editor: Editor,
  remote: RemoteHost,
  shots: string,
): Promise<void> {
  const { page } = editor;
  const at = (below: string) => path.join(remote.folder, below);
  const shows = (what: Locator) => what.waitFor({ state: 'visible', timeout: SHOWN_WITHIN_MS });
  const hides = (what: Locator) => what.waitFor({ state: 'hidden', timeout: SHOWN_WITHIN_MS });
  const shot = (name: string) => editor.screenshot(`${shots}-${name}`);

  await context.test('the explorer lists the remote folder', async () => {
    await shows(editor.row('README.md'));
    await shows(editor.row('src'));
    await shows(editor.row('mounts'));
  });

  await context.test(
    'a file made on the host appears in the explorer, and vanishes with its end',
    async () => {
      // The list is there before the watch must be: files are made until one is told.
      for (let i = 0; (await page.locator('.monaco-list-row[aria-label^="appears-"]').count()) === 0; i++) {
        assert.ok(i < 100, 'no file appeared');
        writeFileSync(at(`appears-${i}.txt`), 'from the host\n');
        await page.waitForTimeout(200);
      }
      writeFileSync(at('last.txt'), '');
      await shows(editor.row('last.txt'));
      await shot('1-file-appears');
      rmSync(at('last.txt'));
      await hides(editor.row('last.txt'));
    },
  );

  await context.test('the open editor follows the host', async () => {
    await editor.row('README.md').dblclick();
    await shows(editor.text.getByText('On the remote host'));
    writeFileSync(at('README.md'), '# Changed by a program of the host\n');
    await shows(editor.text.getByText('Changed by a program of the host'));
    await shot('2-editor-follows');
  });

  await context.test('what is typed and saved is on the host', async () => {
    await editor.text.click();
    await page.keyboard.press('Control+Home');
    await page.keyboard.type('Typed here. ');
    await page.keyboard.press('Control+S');
    const saved = () =>
      readFileSync(at('README.md'), 'utf8') === 'Typed here. # Changed by a program of the host\n';
    for (let waited = 0; !saved(); waited += 50) {
      assert.ok(waited < SHOWN_WITHIN_MS, `the host holds: ${readFileSync(at('README.md'), 'utf8')}`);
      await page.waitForTimeout(50);
    }
    await hides(page.locator('.tab.dirty'));
    await shot('3-saved');
  });

  await context.test('three kinds of submount are marked and browsed', async () => {
    for (const below of Object.values(MOUNTS))
      writeFileSync(at(`${below}/on-${path.basename(below)}.txt`), below);
    await editor.row('mounts').click();
    for (const below of Object.values(MOUNTS)) {
      const row = editor.row(path.basename(below));
      await shows(row);
      await row.click();
      await shows(editor.row(`on-${path.basename(below)}.txt`));
    }
    await shows(editor.label(at(MOUNTS.tmpfs), 'tmpfs from livemount-test'));
    await shows(editor.label(at(MOUNTS.ext4), 'ext4 from /dev/loop'));
    await shows(editor.label(at(MOUNTS.bind), 'from'));
    await shot('4-submounts');
  });

  await context.test(
    'a mount that comes is shown with its content, and one that goes gives back what lay beneath',
    async () => {
      mkdirSync(at('late'));
      writeFileSync(at('late/beneath.txt'), '');
      await editor.row('late').click();
      await shows(editor.row('beneath.txt'));
      const mount = mounted(['-t', 'tmpfs', '-o', 'size=1m', 'latecomer'], at('late'));
      try {
        writeFileSync(at('late/above.txt'), '');
        await shows(editor.label(at('late'), 'tmpfs from latecomer'));
        await shows(editor.row('above.txt'));
        await hides(editor.row('beneath.txt'));
        await shot('5-mount-came');
      } finally {
        // Throws if something of ours keeps the mount busy.
        mount.dispose();
      }
      await shows(editor.row('beneath.txt'));
      await hides(editor.row('above.txt'));
      await shot('6-mount-went');
    },
  );

  await context.test(
    'the status bar names the host, and the view shows what is known of each mount',
    async () => {
      await shows(page.locator('.statusbar-item', { hasText: /remote [\d.]+ ms/ }));
      await editor.activityIcon.click();
      const row = page.locator('.pane-body .monaco-list-row', { hasText: `${MOUNTS.ext4}ext4` }).first();
      await shows(row);
      await row.click();
      const field = (label: string) =>
        page.locator('.pane-body .monaco-list-row', { hasText: label }).first();
      for (const label of ['Changes show', 'Health', 'Space', 'Access']) await shows(field(label));
      // A screen reader hears the name of a row and what it says.
      const spoken = await field('Space').getAttribute('aria-label');
      assert.match(spoken ?? '', /^Space, .+ free of .+ used\)/);
      await shot('7-view');
      await page
        .locator('.pane-body .monaco-list-row[aria-level="3"]', { hasText: 'Details' })
        .first()
        .click();
      for (const label of ['Filesystem', 'Source', 'Watched by']) await shows(field(label));
      await shows(page.locator('.pane-body .monaco-list-row', { hasText: 'create, delete, modify' }).first());
      await shot('7-details');
    },
  );

  await context.test('“Explain This File” tells where the open file lives', async () => {
    await page.locator('.tab', { hasText: 'README.md' }).first().click();
    await editor.command('Livemount: Explain This File');
    await shows(page.locator('.tab', { hasText: 'README.md explained' }));
    const preview = page
      .frameLocator('iframe.webview.ready')
      .last()
      .frameLocator('iframe[title]')
      .getByText('Changes on the host show here at once.');
    await shows(preview);
    await shot('8-explain');
  });

  await context.test('dark and high contrast show the same', async () => {
    const trip = page.locator('.pane-body .monaco-list-row', { hasText: 'Round trip' }).first();
    // A click on the icon of what is shown already would hide it.
    if (!(await trip.isVisible())) await editor.activityIcon.click();
    for (const [theme, kind] of [
      ['Default Dark Modern', 'vs-dark'],
      ['Default High Contrast', 'hc-black'],
    ] as const) {
      await editor.set({ 'workbench.colorTheme': theme });
      await shows(page.locator(`.monaco-workbench.${kind}`));
      await shows(trip);
      await shot(`9-${kind}`);
    }
  });
}
