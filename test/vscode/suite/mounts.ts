// Submounts: each is browsed, watched and explained as what it is.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import * as vscode from 'vscode';
import { EventLog, eventually, freshFolder, onHost, remote, settled, spec } from './place';
import { test } from './runner';

const { fs } = vscode.workspace;
const kinds = Object.entries(spec.mounts);

async function names(below: string): Promise<string[]> {
  return (await fs.readDirectory(remote(below))).map(([name]) => name);
}

async function explained(below: string): Promise<string> {
  await vscode.commands.executeCommand('livemount.explain', remote(below));
  // The page is rendered from a document of its own, in which Markdown's characters are escaped.
  const texts = () =>
    vscode.workspace.textDocuments
      .filter(({ uri }) => uri.scheme === 'livemount-explain')
      .map((document) => document.getText().replace(/\\(?=\W|_)/g, ''));
  const ours = () => texts().find((text) => text.includes(`# ${onHost(below)}`));
  await eventually('the explanation', () => ours() !== undefined);
  return ours() ?? '';
}

for (const [kind, mountpoint] of kinds) {
  test(`the ${kind} mount can be browsed, read and written`, async () => {
    writeFileSync(onHost(`${mountpoint}/inside.txt`), `in ${kind}`);
    await eventually('the file is listed', async () => (await names(mountpoint)).includes('inside.txt'));
    assert.equal(Buffer.from(await fs.readFile(remote(`${mountpoint}/inside.txt`))).toString(), `in ${kind}`);
    await fs.writeFile(remote(`${mountpoint}/written.txt`), Buffer.from('written'));
    assert.equal(readFileSync(onHost(`${mountpoint}/written.txt`), 'utf8'), 'written');
  });

  test(`changes on the ${kind} mount are told`, async () => {
    const log = new EventLog(remote(mountpoint));
    let attempt = 0;
    await eventually('a change inside', () => {
      writeFileSync(onHost(`${mountpoint}/event-${attempt++}`), '');
      return Array.from({ length: attempt }, (_, i) => log.count(`create event-${i}`)).some(
        (count) => count > 0,
      );
    });
    log.dispose();
  });

  test(`a file on the ${kind} mount is explained with its filesystem`, async () => {
    const page = await explained(`${mountpoint}/inside.txt`);
    assert.match(page, new RegExp(`${onHost(mountpoint)}: .*mounted here|${onHost(mountpoint)}: .* from `));
    assert.match(page, /^Changes on the host show here at once\. Saves go to /m);
  });
}

test('a mount that comes while the folder is open replaces what lay beneath, and its end brings that back', async () => {
  freshFolder('comes');
  writeFileSync(onHost('comes/beneath.txt'), 'beneath');
  await settled();
  assert.deepEqual(await names('comes'), ['beneath.txt']);
  const mount = onHost('comes');
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'livemount-test', mount]);
  try {
    writeFileSync(onHost('comes/above.txt'), 'above');
    await eventually('the mount is seen', async () => (await names('comes')).join() === 'above.txt');
  } finally {
    // Fails with "target is busy" if the agent kept anything of the mount open.
    execFileSync('umount', [mount]);
  }
  await eventually('what lay beneath is back', async () => (await names('comes')).join() === 'beneath.txt');
});

test('moving a folder to another mount copies, verifies, and removes the source', async () => {
  const [, mountpoint] = kinds[0] ?? [];
  assert.ok(mountpoint !== undefined);
  mkdirSync(onHost('to-move/sub'), { recursive: true });
  writeFileSync(onHost('to-move/sub/file'), 'moved');
  await settled();
  await fs.rename(remote('to-move'), remote(`${mountpoint}/moved`));
  assert.equal(readFileSync(onHost(`${mountpoint}/moved/sub/file`), 'utf8'), 'moved');
  assert.ok(!existsSync(onHost('to-move')));
});
