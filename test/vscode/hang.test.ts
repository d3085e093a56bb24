// A filesystem that never answers, inside the open folder: it is shown as such, and the rest of the window goes on.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { HangingMount } from '../superblocks/hangingMount';
import { openEditor, projectFolder } from './editor';
import { startRemoteHost } from './remoteHost';

/** A mount counts as not responding after ten seconds; the rest is for a slow machine. */
const SHOWN_WITHIN_MS = 60_000;

test('a mount that hangs is marked, everything else goes on, and it comes back by itself', async () => {
  const remote = await startRemoteHost();
  const backing = path.join(path.dirname(remote.folder), 'backing');
  const dead = path.join(remote.folder, 'dead');
  mkdirSync(path.join(backing, 'below'), { recursive: true });
  writeFileSync(path.join(backing, 'below/inside.txt'), 'inside\n');
  // The explorer shows a folder with nothing but one folder in it as one row.
  writeFileSync(path.join(backing, 'beside.txt'), '');
  const mount = await HangingMount.of(backing, dead);
  try {
    await using editor = await openEditor({
      folders: [remote.folderUri],
      extension: projectFolder,
      settings: remote.settings,
    });
    const within = { timeout: SHOWN_WITHIN_MS };
    await editor.row('dead').click(within);
    await editor.row('below').waitFor(within);

    mount.hang();
    await editor.row('below').click();
    await editor.row('README.md').dblclick();
    await editor.text.getByText('On the remote host').waitFor(within);
    await editor.label(dead, 'not responding').waitFor(within);
    await editor.screenshot('hang-not-responding');

    mount.recover();
    await editor.label(dead, 'watched').waitFor(within);
    await editor.row('inside.txt').waitFor(within);
    await editor.screenshot('hang-back');
  } finally {
    mount.dispose();
    remote.dispose();
  }
});
