// The complete FileSystemProvider, asked through the editor's own API, compared with what the host holds.
import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { freshFolder, onHost, remote, settled } from './place';
import { test } from './runner';

const { fs } = vscode.workspace;
const { Directory, File, SymbolicLink, Unknown } = vscode.FileType;

/** Rejects with a FileSystemError of exactly this code. */
function rejectsAs(code: string, operation: Thenable<unknown>): Promise<void> {
  return assert.rejects(Promise.resolve(operation), (error: unknown) => {
    assert.ok(error instanceof vscode.FileSystemError, String(error));
    assert.equal(error.code, code, error.message);
    return true;
  });
}

test('stat tells size, times, kind and permission as the host has them', async () => {
  const folder = freshFolder('stat');
  const file = path.join(folder, 'file');
  writeFileSync(file, 'twelve bytes');
  await settled();
  const told = await fs.stat(remote('stat/file'));
  const real = statSync(file);
  assert.equal(told.type, File);
  assert.equal(told.size, 12);
  assert.equal(told.mtime, Math.floor(real.mtimeMs));
  assert.equal(told.ctime, Math.floor(real.ctimeMs));
  assert.equal(told.permissions, undefined);
  assert.equal((await fs.stat(remote('stat'))).type, Directory);
});

test('links have the kind of what they lead to, and are marked as links', async () => {
  const folder = freshFolder('links');
  writeFileSync(path.join(folder, 'file'), '');
  mkdirSync(path.join(folder, 'dir'));
  symlinkSync('file', path.join(folder, 'to-file'));
  symlinkSync('dir', path.join(folder, 'to-dir'));
  symlinkSync('nowhere', path.join(folder, 'broken'));
  symlinkSync('loop', path.join(folder, 'loop'));
  await settled();
  const kinds = Object.fromEntries(await fs.readDirectory(remote('links')));
  assert.deepEqual(kinds, {
    file: File,
    dir: Directory,
    'to-file': File | SymbolicLink,
    'to-dir': Directory | SymbolicLink,
    broken: Unknown | SymbolicLink,
    loop: Unknown | SymbolicLink,
  });
  assert.equal((await fs.stat(remote('links/to-dir'))).type, Directory | SymbolicLink);
  assert.equal((await fs.stat(remote('links/broken'))).type, Unknown | SymbolicLink);
  assert.equal((await fs.stat(remote('links/loop'))).type, Unknown | SymbolicLink);
  await rejectsAs('FileNotFound', fs.readFile(remote('links/broken')));
  await assert.rejects(Promise.resolve(fs.readFile(remote('links/loop'))), /circle/);
});

test('what is read is what the host holds, bytes and all', async () => {
  freshFolder('read');
  const content = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 31) % 256));
  writeFileSync(onHost('read/binary'), content);
  writeFileSync(onHost('read/empty'), '');
  await settled();
  assert.deepEqual(Buffer.from(await fs.readFile(remote('read/binary'))), content);
  assert.equal((await fs.readFile(remote('read/empty'))).length, 0);
});

test('what is written is on the host, with its mode kept', async () => {
  freshFolder('write');
  writeFileSync(onHost('write/script'), '#!/bin/sh\n');
  chmodSync(onHost('write/script'), 0o755);
  await settled();
  await fs.writeFile(remote('write/script'), Buffer.from('#!/bin/sh\nexit 0\n'));
  await fs.writeFile(remote('write/new'), Buffer.from('new'));
  assert.equal(readFileSync(onHost('write/script'), 'utf8'), '#!/bin/sh\nexit 0\n');
  assert.equal(statSync(onHost('write/script')).mode & 0o777, 0o755);
  assert.equal(readFileSync(onHost('write/new'), 'utf8'), 'new');
  assert.deepEqual(readdirSync(onHost('write')).sort(), ['new', 'script']);
});

test('writing through a link changes what it leads to, and leaves the link', async () => {
  freshFolder('write-link');
  writeFileSync(onHost('write-link/target'), 'old');
  symlinkSync('target', onHost('write-link/link'));
  await settled();
  await fs.writeFile(remote('write-link/link'), Buffer.from('new'));
  assert.equal(readFileSync(onHost('write-link/target'), 'utf8'), 'new');
  assert.equal((await fs.stat(remote('write-link/link'))).type, File | SymbolicLink);
});

test('a folder is made, with those above it', async () => {
  await fs.createDirectory(remote('made/deep/down'));
  assert.ok(statSync(onHost('made/deep/down')).isDirectory());
});

test('a rename moves, and overwrites only when it is told to', async () => {
  freshFolder('rename');
  writeFileSync(onHost('rename/a'), 'a');
  writeFileSync(onHost('rename/b'), 'b');
  await settled();
  await rejectsAs('FileExists', fs.rename(remote('rename/a'), remote('rename/b'), { overwrite: false }));
  assert.equal(readFileSync(onHost('rename/b'), 'utf8'), 'b');
  await fs.rename(remote('rename/a'), remote('rename/b'), { overwrite: true });
  assert.equal(readFileSync(onHost('rename/b'), 'utf8'), 'a');
  assert.deepEqual(readdirSync(onHost('rename')), ['b']);
});

test('a copy takes a whole tree on the host, and overwrites only when it is told to', async () => {
  freshFolder('copy/from/sub');
  writeFileSync(onHost('copy/from/sub/file'), 'content');
  await settled();
  await fs.copy(remote('copy/from'), remote('copy/to'), { overwrite: false });
  assert.equal(readFileSync(onHost('copy/to/sub/file'), 'utf8'), 'content');
  await rejectsAs(
    'FileExists',
    fs.copy(remote('copy/from/sub/file'), remote('copy/to/sub/file'), { overwrite: false }),
  );
});

test('deleting a folder takes its content only when it is told to', async () => {
  freshFolder('delete/sub');
  writeFileSync(onHost('delete/sub/file'), '');
  await settled();
  await assert.rejects(Promise.resolve(fs.delete(remote('delete'), { recursive: false, useTrash: false })));
  assert.ok(existsSync(onHost('delete/sub/file')));
  await fs.delete(remote('delete'), { recursive: true, useTrash: false });
  assert.ok(!existsSync(onHost('delete')));
});

test('errors have the kind that the editor acts on', async () => {
  freshFolder('errors/dir');
  writeFileSync(onHost('errors/file'), '');
  await settled();
  await rejectsAs('FileNotFound', fs.stat(remote('errors/absent')));
  await rejectsAs('FileNotFound', fs.readFile(remote('errors/absent')));
  await rejectsAs('FileNotFound', fs.readDirectory(remote('errors/absent')));
  await rejectsAs('FileNotFound', fs.delete(remote('errors/absent')));
  await rejectsAs('FileIsADirectory', fs.readFile(remote('errors/dir')));
  await rejectsAs('FileNotADirectory', fs.readDirectory(remote('errors/file')));
});

test('a name with blanks, quotes, percent signs, umlauts and emoji is one like any other', async () => {
  freshFolder('names');
  await settled();
  for (const name of [
    'a b',
    "it's",
    '100%',
    'ümläut',
    '🚀.txt',
    'hash#tag',
    'q?mark',
    'semi;colon',
    '-dash',
  ]) {
    const uri = vscode.Uri.joinPath(remote('names'), name);
    await fs.writeFile(uri, Buffer.from(name));
    assert.equal(readFileSync(path.join(onHost('names'), name), 'utf8'), name);
    assert.equal(Buffer.from(await fs.readFile(uri)).toString(), name);
    await fs.delete(uri);
  }
});
