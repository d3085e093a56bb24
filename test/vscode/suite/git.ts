// Git of the host in the editor: what its shell does is followed, and what the editor does is what git did.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { eventually, freshFolder, onHost, remote } from './place';
import { test } from './runner';

function git(folder: string, ...args: string[]): string {
  const identity = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.org'];
  return execFileSync('git', [...identity, ...args], { cwd: folder, encoding: 'utf8' });
}

function repository(name: string): string {
  const folder = freshFolder(name);
  git(folder, 'init', '-q');
  git(folder, 'symbolic-ref', 'HEAD', 'refs/heads/main');
  git(folder, 'config', 'user.name', 'Ada');
  git(folder, 'config', 'user.email', 'ada@example.org');
  writeFileSync(path.join(folder, 'file.txt'), lines('one', 'two', 'three', 'four', 'five', 'six', 'seven'));
  git(folder, 'add', '-A');
  git(folder, 'commit', '-qm', 'first');
  return folder;
}

const lines = (...all: string[]) => all.map((line) => `${line}\n`).join('');

/** Waits until the window has found the repository: then its revisions can be opened. */
async function opened(uri: vscode.Uri): Promise<vscode.TextDocument> {
  let last: unknown;
  let document: vscode.TextDocument | undefined;
  await eventually('the repository is open', async () => {
    document = await Promise.resolve(vscode.workspace.openTextDocument(uri)).catch((error: unknown) => {
      last = error;
      return undefined;
    });
    return document !== undefined;
  }).catch((error: Error) => {
    throw new Error(`${error.message}; ${String(last)}`);
  });
  assert.ok(document);
  return document;
}

/** The content of a file in the index or at a revision, as a document. */
function revision(folder: string, name: string, ref: string): vscode.Uri {
  const uri = remote(path.join(folder, name));
  return uri.with({ scheme: 'livemount-git', query: JSON.stringify({ ref, root: folder }) });
}

test('a repository that is made on the host is found, and what its shell commits shows in open documents', async () => {
  const folder = repository('found');
  const head = revision(folder, 'file.txt', 'HEAD');
  const document = await opened(head);
  await vscode.window.showTextDocument(head);
  assert.match(document.getText(), /^one\ntwo\n/);
  writeFileSync(path.join(folder, 'file.txt'), lines('changed by a shell'));
  git(folder, 'commit', '-qam', 'second');
  await eventually('the new content of HEAD', () => document.getText() === 'changed by a shell\n');
  git(folder, 'checkout', '-q', '-b', 'other', 'HEAD~1');
  await eventually('the other branch', () => document.getText().startsWith('one\n'));
});

test('selected lines are staged and committed by the editor, the rest stays', async () => {
  const folder = repository('lines');
  await opened(revision(folder, 'file.txt', ''));
  const uri = remote(path.join(folder, 'file.txt'));
  const document = await vscode.workspace.openTextDocument(uri);
  const editor = await vscode.window.showTextDocument(document);
  await editor.edit((edit) => {
    edit.replace(new vscode.Range(0, 0, 0, 3), 'ONE');
    edit.replace(new vscode.Range(6, 0, 6, 5), 'SEVEN');
  });
  editor.selection = new vscode.Selection(6, 0, 6, 2);
  await vscode.commands.executeCommand('livemount.git.stageSelection');
  assert.equal(
    git(folder, 'show', ':file.txt'),
    lines('one', 'two', 'three', 'four', 'five', 'six', 'SEVEN'),
  );
  assert.equal(document.isDirty, false, 'git sees the file of the host, so it was saved');
  await vscode.commands.executeCommand('livemount.git.openChange', {
    host: uri.authority,
    root: folder,
    group: 'worktree',
    path: 'file.txt',
  });
  await eventually('a tab with both sides', () => {
    const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
    return input instanceof vscode.TabInputTextDiff && input.original.scheme === 'livemount-git';
  });
  assert.equal(git(onHost('lines'), 'status', '--porcelain').trim(), 'MM file.txt');
  await vscode.commands.executeCommand('workbench.action.closeAllEditors');
});

test('a conflict is resolved by what stands above it', async () => {
  const folder = repository('conflict-git');
  git(folder, 'checkout', '-q', '-b', 'side');
  writeFileSync(path.join(folder, 'file.txt'), lines('theirs'));
  git(folder, 'commit', '-qam', 'theirs');
  git(folder, 'checkout', '-q', 'main');
  writeFileSync(path.join(folder, 'file.txt'), lines('ours'));
  git(folder, 'commit', '-qam', 'ours');
  assert.throws(() => git(folder, 'merge', '-q', 'side'));
  const uri = remote(path.join(folder, 'file.txt'));
  const document = await vscode.workspace.openTextDocument(uri);
  await eventually('the markers', () => document.getText().startsWith('<<<<<<<'));
  const lenses = await vscode.commands.executeCommand<vscode.CodeLens[]>(
    'vscode.executeCodeLensProvider',
    uri,
  );
  const both = lenses.find(({ command }) => command?.title === 'Accept Both Changes')?.command;
  assert.ok(both);
  await vscode.commands.executeCommand(both.command, ...(both.arguments ?? []));
  assert.equal(document.getText(), 'ours\ntheirs\n');
  await document.save();
});
