// A save that an agent did not live to finish, offered to whoever opens the host next.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { processName } from '../../src/agent/processIdentity';
import { Saves } from '../../src/server/save/saves';
import { type Account, makeAccount } from '../fixtures/accounts';
import { FaultHostFs } from '../fixtures/faultHostFs';
import { startSshd } from '../fixtures/sshd';
import { openHost } from '../save/places';
import { optionsFor, SaveClient } from '../save/saveClient';
import { openEditor, projectFolder, shows } from './editor';

/** As an agent of the account leaves it that dies while it writes a file of two names in place. */
async function dieSaving(account: Account, folder: string, stateFolder: string): Promise<void> {
  const faulty = new FaultHostFs(openHost());
  const options = optionsFor({
    stateFolder: Buffer.from(stateFolder),
    // No process ever has this one's number and another start.
    owner: `${processName()}0`,
  });
  const noTrash = { homeTrash: undefined, uid: undefined, now: () => new Date() };
  const dying = new SaveClient(faulty.host, folder, new Saves(faulty.host, options, noTrash));
  faulty.dieBefore('truncate');
  await Promise.race([dying.save('notes.txt', 'new'), faulty.killed]);
  execFileSync('chown', ['--recursive', `${account.name}:`, account.home]);
}

test('an unfinished save can be compared with what is there, and restored', async (context) => {
  const account = makeAccount('lmunfinished', '/bin/sh');
  context.after(() => account.dispose());
  const sshd = await startSshd({ user: account.name });
  context.after(() => sshd.dispose());
  const folder = path.join(account.home, 'project');
  const stateFolder = path.join(account.home, '.local/state/livemount');
  mkdirSync(folder);
  mkdirSync(stateFolder, { recursive: true, mode: 0o700 });
  const file = path.join(folder, 'notes.txt');
  writeFileSync(file, 'what was written before\n');
  linkSync(file, path.join(folder, 'other-name.txt'));
  await dieSaving(account, folder, stateFolder);
  assert.equal(readFileSync(file, 'utf8'), 'newt was written before\n', 'a mixture');

  await using editor = await openEditor({
    folders: [`livemount://${sshd.host}${folder}`],
    extension: projectFolder,
    settings: { 'livemount.ssh.configFile': sshd.configFile, 'livemount.graceTime': 1 },
  });
  await shows(editor.row('notes.txt'));
  try {
    const offer = await editor.told(/The save of .*notes\.txt was interrupted/);
    await offer.getByText('Compare', { exact: true }).click();
    await shows(editor.page.locator('.tab', { hasText: 'kept ↔ now' }));
    await shows(editor.page.locator('.original .view-lines', { hasText: 'what was written before' }));
    await shows(editor.page.locator('.modified .view-lines', { hasText: 'newt was written before' }));
    await editor.screenshot('unfinished-save');
    const again = await editor.told(/The save of .*notes\.txt was interrupted/);
    await again.getByText('Restore', { exact: true }).click();
    await shows(editor.page.locator('.modified .view-lines', { hasText: 'what was written before' }));
  } finally {
    await editor.screenshot('unfinished-save-end');
  }
  assert.equal(readFileSync(path.join(folder, 'other-name.txt'), 'utf8'), 'what was written before\n');
  assert.deepEqual(readdirSync(folder), ['notes.txt', 'other-name.txt']);
});
