// Terminals, tasks and lm in a real window, over a real sshd.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { openEditor, projectFolder, shows } from './editor';
import { startRemoteHost } from './remoteHost';
import { prepareSuite, runSuite } from './suiteRun';

test('what runs on the host, through the editor’s API', async (context) => {
  const remote = await startRemoteHost();
  try {
    const suite = await prepareSuite('running', remote, 'runningOnly.ts');
    await runSuite(context, remote, suite);
  } finally {
    remote.dispose();
  }
});

test('a terminal on the host, as a person sees it', async (context) => {
  const remote = await startRemoteHost();
  try {
    writeFileSync(
      path.join(remote.folder, 'Makefile'),
      'all:\n\t@echo "src/main.c:2:3: error: no good"; exit 1\n',
    );
    await using editor = await openEditor({
      folders: [remote.folderUri],
      extension: projectFolder,
      // Drawn as text that can be read here.
      settings: { ...remote.settings, 'terminal.integrated.gpuAcceleration': 'off' },
    });
    const { page } = editor;
    const screen = page.locator('.xterm-rows').last();
    const shown = (text: string) => shows(screen.locator('> div', { hasText: text }).first());
    try {
      await shows(editor.row('README.md'));
      await context.test('opens, and runs what is typed', async () => {
        await editor.command('Livemount: Open in Host Terminal');
        await shows(screen);
        await page.locator('.terminal.xterm').last().click();
        await page.keyboard.type('echo "before $((6 * 7))"\n');
        await shown('before 42');
        await editor.screenshot('running-1-terminal');
      });
      await context.test('links a compiler’s line to the host’s file', async () => {
        await page.keyboard.type('make\n');
        await shown('error: no good');
        const line = screen.locator('> div', { hasText: 'src/main.c:2:3: error' }).last();
        const place = await line.boundingBox();
        if (place === null) throw new Error('the line is not on the screen');
        const [x, y] = [place.x + 40, place.y + place.height / 2];
        for (let tries = 0; tries < 10 && !(await editor.text.isVisible()); tries++) {
          await page.mouse.move(x + tries, y);
          await page.keyboard.down('Control');
          await page.waitForTimeout(300);
          await page.mouse.click(x + tries, y);
          await page.keyboard.up('Control');
          await page.waitForTimeout(500);
        }
        await shows(editor.text.locator('.view-line', { hasText: 'return' }));
        await editor.screenshot('running-2-link');
      });
      await context.test('is there again, with its screen, when the window was loaded anew', async () => {
        await page.reload();
        await page.locator('.monaco-workbench').waitFor({ timeout: 60_000 });
        await shows(editor.row('README.md'));
        // The editor may open a terminal of its own beside it, since the panel was open.
        const ours = page.locator('.terminal.xterm', { hasText: 'before 42' });
        const tab = page.locator('.terminal-tabs-entry', { hasText: 'Livemount' });
        for (let tries = 0; tries < 60 && !(await ours.isVisible()); tries++) {
          if (await tab.isVisible()) await tab.click();
          await page.waitForTimeout(500);
        }
        await shows(ours);
        await editor.screenshot('running-3-again');
        await ours.click();
        await page.keyboard.type('echo "after $((6 * 8))"\n');
        await shows(page.locator('.terminal.xterm', { hasText: 'after 48' }));
        await page.keyboard.type('exit\n');
        await ours.waitFor({ state: 'detached' });
      });
    } finally {
      await editor.screenshot('running-end');
    }
  } finally {
    remote.dispose();
  }
});
