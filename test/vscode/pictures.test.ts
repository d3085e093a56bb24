// The pictures of the README, of the walkthrough and of docs/: made of the real thing, so that they show what is there.
//   LIVEMOUNT_PICTURES=1 node --import tsx --test test/vscode/pictures.test.ts     replaces those in media/
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { movingPicture } from '../../scripts/movingPicture.mjs';
import { liveSample } from '../../scripts/sample.mjs';
import { startSshd } from '../fixtures/sshd';
import { artifactsFolder, type Editor, openEditor, projectFolder, shows } from './editor';

const SIZE = { width: 1000, height: 620 };
const target = process.env.LIVEMOUNT_PICTURES
  ? path.join(projectFolder, 'media')
  : path.join(artifactsFolder, 'media');

function keep(name: string, picture: Buffer): void {
  const file = path.join(target, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, picture);
}

async function rows(editor: Editor, count: number): Promise<void> {
  const row = editor.page.locator('.pane-body .monaco-list-row[aria-level]');
  for (let i = 0; i < 100 && (await row.count()) < count; i++) await editor.page.waitForTimeout(100);
}

test('the pictures show a host, a log that grows, its mounts and what is known of a file', async (context) => {
  const sample = await liveSample();
  context.after(() => sample.stop());
  // A repository of the host, with something to commit.
  const git = (...command: string[]) =>
    execFileSync('git', ['-C', sample.folder, ...command], { stdio: 'pipe' });
  git('init', '--quiet', '--initial-branch=main');
  git('config', 'user.name', 'You');
  git('config', 'user.email', 'you@example.test');
  writeFileSync(path.join(sample.folder, '.gitignore'), 'clock.txt\nlogs\nvisitors\ntmpfs-mount\nnotes.md\n');
  git('add', '--all');
  git('commit', '--quiet', '--message=The beginning');
  const source = path.join(sample.folder, 'src/hello.c');
  writeFileSync(source, readFileSync(source, 'utf8').replace('hello', 'hello from the host'));
  const sshd = await startSshd();
  context.after(() => sshd.dispose());
  sshd.addHost('build', {});
  sshd.addHost('db7', {});
  const runtime = mkdtempSync(path.join(tmpdir(), 'livemount-runtime-'));
  context.after(() => {
    for (const line of readFileSync('/proc/self/mountinfo', 'utf8').split('\n')) {
      const at = line.split(' ')[4] ?? '';
      if (at.startsWith(`${runtime}/`)) spawnSync('umount', ['-l', at]);
    }
    rmSync(runtime, { recursive: true, force: true });
  });
  const settings = {
    'livemount.ssh.configFile': sshd.configFile,
    'livemount.graceTime': 2,
    'workbench.colorTheme': 'Default Light Modern',
    'window.commandCenter': false,
    'workbench.layoutControl.enabled': false,
    'editor.minimap.enabled': false,
    'remote.autoForwardPorts': false,
  };
  await using editor = await openEditor({
    folders: [`livemount://build${sample.folder}`],
    extension: projectFolder,
    settings,
    open: 'folder',
    env: { XDG_RUNTIME_DIR: runtime },
  });
  const { page } = editor;
  await page.setViewportSize(SIZE);
  const shot = () => page.screenshot();
  try {
    await shows(editor.row('README.md'));
    await editor.row('logs').click();
    await editor.row('build.log').dblclick();
    await shows(editor.text.getByText('done').first());
    await page.keyboard.press('Control+End');
    await editor.row('visitors').click();
    await shows(editor.row('guest-'));
    const frames: { png: Buffer; ms: number }[] = [];
    const film = async (ms: number) => frames.push({ png: await shot(), ms });
    for (let i = 0; i < 8; i++) {
      await film(700);
      await page.waitForTimeout(600);
    }
    keep('walkthrough/live.png', await shot());
    // A program of the host writes, and the editor follows; what is typed and saved is on the host.
    writeFileSync(path.join(sample.folder, 'notes.md'), '# Written on the host\n');
    await shows(editor.row('notes.md'));
    await film(900);
    await editor.row('notes.md').dblclick();
    await shows(editor.text.getByText('Written on the host'));
    await film(900);
    appendFileSync(path.join(sample.folder, 'notes.md'), '\nand continued there, while it is open here\n');
    await shows(editor.text.getByText('continued there'));
    await film(1500);
    await editor.text.click();
    await page.keyboard.press('Control+End');
    await page.keyboard.type('typed here, saved there');
    await film(900);
    await page.keyboard.press('Control+S');
    const saved = () => readFileSync(path.join(sample.folder, 'notes.md'), 'utf8').includes('typed here');
    for (let i = 0; i < 100 && !saved(); i++) await page.waitForTimeout(100);
    assert.ok(saved());
    await film(1200);

    await editor.activityIcon.click();
    await shows(page.locator('.monaco-list-row', { hasText: 'Round trip' }).first());
    await rows(editor, 8);
    await page.waitForTimeout(4000);
    await page.locator('.monaco-list-row', { hasText: 'Last changes' }).first().click();
    await shows(page.locator('.monaco-list-row', { hasText: 'build.log' }).first());
    await film(2500);
    keep('walkthrough/hosts.png', await shot());
    keep('live.png', movingPicture(frames));

    await page.locator('.activitybar .action-item a[aria-label^="Explorer"]').first().click();
    // The click may come while the explorer still scrolls to the file that is open.
    for (let i = 0; i < 10 && !(await editor.row('inside.txt').isVisible()); i++) {
      await editor.row('tmpfs-mount').click();
      await page.waitForTimeout(1500);
    }
    await shows(editor.row('inside.txt'));
    await editor.row('inside.txt').dblclick();
    await editor.command('Livemount: Explain This File');
    await shows(page.locator('.tab', { hasText: 'explained' }));
    await page.waitForTimeout(3000);
    keep('walkthrough/mounts.png', await shot());

    await editor.command('Livemount: Open Folder…');
    const input = page.locator('.quick-input-widget input[type="text"]');
    await input.fill('build');
    await page.keyboard.press('Enter');
    await shows(page.locator('.quick-input-title', { hasText: 'build: /' }));
    await input.fill(`${path.dirname(sample.folder)}/${path.basename(sample.folder).slice(0, 12)}`);
    await shows(page.locator('.quick-input-list .monaco-list-row', { hasText: 'livemount-sample' }).first());
    keep('walkthrough/connect.png', await shot());
    await page.keyboard.press('Escape');

    await page.keyboard.press('Control+Shift+G');
    await shows(page.locator('.scm-view .monaco-list-row', { hasText: 'hello.c' }).first());
    await page.locator('.scm-view .monaco-list-row', { hasText: 'hello.c' }).first().click();
    await shows(page.locator('.monaco-diff-editor').first());
    await page.waitForTimeout(1500);
    keep('walkthrough/git.png', await shot());

    await editor.command('Livemount: Find in Files on Host…');
    const query = page.locator('.quick-input-widget input[type="text"]');
    await query.fill('host');
    await page.keyboard.press('Enter');
    await shows(page.locator('.pane-body .monaco-list-row', { hasText: 'README.md' }).first());
    await page.waitForTimeout(1500);
    keep('walkthrough/search.png', await shot());

    await editor.command('Livemount: Open in Host Terminal');
    await shows(page.locator('.terminal-wrapper .xterm').first());
    await page.waitForTimeout(3000);
    await page.locator('.terminal-wrapper .xterm').first().click();
    await page.keyboard.type('ls; tail -n 3 logs/build.log');
    await page.keyboard.press('Enter');
    await page.waitForTimeout(2500);
    keep('walkthrough/terminal.png', await shot());

    const opened = page.context().waitForEvent('page');
    await editor.command('Livemount: Open as Local Folder');
    const local = await opened;
    await local.setViewportSize(SIZE);
    const row = local.locator('.explorer-folders-view .monaco-list-row');
    await shows(row.filter({ hasText: 'src' }).first());
    await row.filter({ hasText: 'src' }).first().click();
    await row.filter({ hasText: 'hello.c' }).first().dblclick();
    await shows(local.locator('.editor-instance .view-lines', { hasText: 'hello' }).first());
    await local.keyboard.press('Control+`');
    await shows(local.locator('.terminal-wrapper .xterm').first());
    await local.waitForTimeout(3000);
    await local.locator('.terminal-wrapper .xterm').first().click();
    await local.keyboard.type(
      "PS1='$ '; clear; df --output=fstype,source . | tail -n 1; git status --short; cc src/hello.c -o /tmp/hello-$$ && /tmp/hello-$$; rm -f /tmp/hello-$$",
    );
    await local.keyboard.press('Enter');
    await local.waitForTimeout(4000);
    keep('walkthrough/local.png', await local.screenshot());
  } finally {
    await editor.screenshot('pictures-end');
    rmSync(path.join(sample.folder, 'notes.md'), { force: true });
  }
});
