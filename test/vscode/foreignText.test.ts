// In a real window: what a hostile host prints and what its files are called stays text. Nothing of it is a link, and
// the window goes on working.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { POISON_LINK } from '../fixtures/poison';
import { startSshd } from '../fixtures/sshd';
import { openEditor, projectFolder, shows } from './editor';

const LINK_TEXT = 'Repair now';
/** Slashes would end a file's name. */
const NAME = `${POISON_LINK}\u202e$(error).txt`;

test('a host’s words and a file’s name become no link in messages, trees and tooltips', async (context) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'livemount-poison-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(path.join(folder, NAME), 'content\n');
  // A host on which no agent starts: it prints poison, but serves SFTP.
  const script = `printf '%s' '${POISON_LINK}'; exit 1`;
  const sshd = await startSshd({
    settings: {
      ForceCommand: `case "$SSH_ORIGINAL_COMMAND" in sftp|*sftp-server*) exec /usr/lib/openssh/sftp-server;; *) ${script};; esac`,
      Subsystem: 'sftp sftp',
    },
  });
  context.after(() => sshd.dispose());
  sshd.addHost('hostile', {});
  await using editor = await openEditor({
    folders: [`livemount://hostile${folder}`],
    extension: projectFolder,
    settings: { 'livemount.ssh.configFile': sshd.configFile },
  });
  try {
    const message = await editor.told(new RegExp(LINK_TEXT));
    assert.equal(await message.getByRole('link').count(), 0, 'the host’s words are a link');
    assert.equal(await message.locator('a', { hasText: LINK_TEXT }).count(), 0);
    await editor.screenshot('foreign-text-message');
    const row = editor.page.locator('.explorer-folders-view .monaco-list-row', { hasText: LINK_TEXT });
    await shows(row);
    assert.equal(await row.locator('a[href^="command:"]').count(), 0);
    await row.dblclick();
    await shows(editor.text.getByText('content'));
    await editor.command('Livemount: Explain This File');
    await shows(editor.page.locator('.tab', { hasText: 'explained' }));
    await editor.screenshot('foreign-text-explained');
    const links = editor.page.locator('a[href^="command:"], a[data-href^="command:"]', {
      hasText: LINK_TEXT,
    });
    assert.equal(await links.count(), 0);
  } finally {
    await editor.screenshot('foreign-text');
  }
});
