// What users meet: each gives a clear message, and the window stays usable.
import assert from 'node:assert/strict';
import { closeSync, ftruncateSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import * as vscode from 'vscode';
import { freshFolder, onHost, remote, settled, spec } from './place';
import { test } from './runner';

const { fs } = vscode.workspace;

async function messageOf(operation: Thenable<unknown>): Promise<string> {
  try {
    await operation;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  throw new Error('it was expected to fail');
}

async function stillUsable(): Promise<void> {
  assert.equal((await fs.stat(remote('.'))).type, vscode.FileType.Directory);
}

test('an unknown host says what it was asked for', async () => {
  const uri = vscode.Uri.parse('livemount://no-such-host.invalid/home');
  assert.match(await messageOf(fs.stat(uri)), /no-such-host\.invalid/);
  await stillUsable();
});

test('a file of 2 GB is refused before it is read', async () => {
  freshFolder('big');
  const fd = openSync(onHost('big/file'), 'w');
  ftruncateSync(fd, 2 ** 31);
  closeSync(fd);
  await settled();
  assert.match(await messageOf(fs.readFile(remote('big/file'))), /too large.*2 GB|2147483648 bytes.*2 GB/);
  assert.equal((await fs.stat(remote('big/file'))).size, 2 ** 31);
  await stillUsable();
});

test('a name that is no UTF-8 is listed, opened and deleted like any other', async () => {
  freshFolder('bytes');
  const name = Buffer.concat([
    Buffer.from(`${onHost('bytes')}/caf`),
    Buffer.from([0xe9]),
    Buffer.from('.txt'),
  ]);
  writeFileSync(name, 'latin-1');
  await settled();
  const listed = await fs.readDirectory(remote('bytes'));
  assert.equal(listed.length, 1);
  const uri = vscode.Uri.joinPath(remote('bytes'), listed[0]?.[0] ?? '');
  assert.equal(Buffer.from(await fs.readFile(uri)).toString(), 'latin-1');
  await fs.delete(uri);
  assert.deepEqual(await fs.readDirectory(remote('bytes')), []);
});

test('a folder with ten thousand files is listed whole', async () => {
  mkdirSync(onHost('crowd'));
  for (let i = 0; i < 10_000; i++) writeFileSync(onHost(`crowd/${i}`), '');
  await settled();
  assert.equal((await fs.readDirectory(remote('crowd'))).length, 10_000);
});

test('the extension registers all its commands, and activates without a window of its own', async () => {
  const extension = vscode.extensions.getExtension('livemount.livemount');
  assert.ok(extension?.isActive, `active in ${spec.host}`);
  const commands = (await vscode.commands.getCommands(true)).filter((id) => id.startsWith('livemount.'));
  const declared = (extension.packageJSON as { contributes: { commands: { command: string }[] } }).contributes
    .commands;
  for (const { command } of declared) assert.ok(commands.includes(command), command);
});
