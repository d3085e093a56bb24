// Finding in the editor: what is on the host is found, opened, replaced and put back.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { eventually, freshFolder, onHost } from './place';
import { test } from './runner';

function tree(name: string): string {
  const folder = freshFolder(name);
  mkdirSync(path.join(folder, 'src'));
  writeFileSync(path.join(folder, 'src/first.ts'), 'const needle = 1;\n// 😀 needle again\n');
  writeFileSync(path.join(folder, 'src/second.ts'), 'needle\n');
  writeFileSync(path.join(folder, 'other.md'), 'Needle\n');
  return folder;
}

interface Found {
  readonly matches: number;
  readonly files: number;
  readonly state: string;
}

const search = (pattern: string, folder: string, more: object = {}) =>
  vscode.commands.executeCommand<Found>('livemount.find.inFiles', {
    pattern,
    files: `/${path.relative(onHost('.'), folder)}/**`,
    ...more,
  });

test('find in files finds on the host, steps through the matches, and opens a page of them', async () => {
  const folder = tree('findInFiles');
  const found = await search('needle', folder, { matchCase: true });
  assert.deepEqual(found, { matches: 3, files: 2, state: 'done' });
  assert.deepEqual((await search('needle', folder)).matches, 4);
  await search('needle', folder, { matchCase: true });
  await vscode.commands.executeCommand('livemount.find.next');
  await vscode.commands.executeCommand('livemount.find.next');
  const editor = vscode.window.activeTextEditor;
  assert.ok(editor);
  assert.ok(editor.document.uri.path.endsWith('src/first.ts'));
  assert.equal(editor.document.getText(editor.selection), 'needle');
  assert.equal(editor.selection.start.line, 1);
  await vscode.commands.executeCommand('livemount.find.previous');
  assert.equal(vscode.window.activeTextEditor?.selection.start.line, 0);
  await vscode.commands.executeCommand('livemount.find.openAsDocument');
  const page = vscode.window.activeTextEditor?.document;
  assert.equal(page?.languageId, 'search-result');
  assert.match(
    page?.getText() ?? '',
    /src\/first\.ts:\n {2}1: const needle = 1;\n {2}2: \/\/ 😀 needle again\n/,
  );
});

test('an expression that is none is said in the view, and nothing is found', async () => {
  const found = await search('a(b', tree('findBad'), { isRegex: true });
  assert.deepEqual(found, { matches: 0, files: 0, state: 'failed' });
});

test('go to file asks the host, and knows what was made a moment ago', async () => {
  const folder = tree('findNames');
  const files = () =>
    vscode.commands.executeCommand<readonly string[]>('livemount.find.goToFile', 'findnamesfirst');
  assert.ok((await files())[0]?.endsWith('/findNames/src/first.ts'));
  writeFileSync(path.join(folder, 'src/firstborn.ts'), '');
  await eventually('the new file', async () => (await files()).some((uri) => uri.endsWith('/firstborn.ts')));
});

test('replacing saves all files but those that changed, and can be taken back', async () => {
  const folder = tree('findReplace');
  await search('(n)eedle', folder, { isRegex: true, matchCase: true });
  writeFileSync(path.join(folder, 'src/second.ts'), 'changed by a colleague: needle\n');
  const outcome = await vscode.commands.executeCommand<{ done: number; left: readonly string[] }>(
    'livemount.find.replace',
    '$1oodle',
  );
  assert.deepEqual(outcome, { done: 1, left: [path.join(folder, 'src/second.ts')] });
  const first = path.join(folder, 'src/first.ts');
  assert.equal(readFileSync(first, 'utf8'), 'const noodle = 1;\n// 😀 noodle again\n');
  assert.match(readFileSync(path.join(folder, 'src/second.ts'), 'utf8'), /colleague: needle/);
  const undone = await vscode.commands.executeCommand<{ done: number }>('livemount.find.undoReplace');
  assert.equal(undone.done, 1);
  assert.equal(readFileSync(first, 'utf8'), 'const needle = 1;\n// 😀 needle again\n');
});
