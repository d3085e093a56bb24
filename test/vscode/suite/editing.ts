// Open documents follow the host, and saves land there or change nothing.
import assert from 'node:assert/strict';
import { readFileSync, renameSync, utimesSync, writeFileSync } from 'node:fs';
import * as vscode from 'vscode';
import { eventually, freshFolder, onHost, remote, settled } from './place';
import { test } from './runner';

async function opened(below: string, content: string): Promise<vscode.TextDocument> {
  writeFileSync(onHost(below), content);
  await settled();
  const document = await vscode.workspace.openTextDocument(remote(below));
  await vscode.window.showTextDocument(document);
  assert.equal(document.getText(), content);
  return document;
}

async function type(document: vscode.TextDocument, text: string): Promise<void> {
  const edit = new vscode.WorkspaceEdit();
  edit.insert(document.uri, new vscode.Position(0, 0), text);
  assert.ok(await vscode.workspace.applyEdit(edit));
}

test('the open editor shows what the host writes', async () => {
  freshFolder('follow');
  const document = await opened('follow/file.txt', 'first\n');
  writeFileSync(onHost('follow/file.txt'), 'second\n');
  await eventually('the new text', () => document.getText() === 'second\n');
  // An editor or git replaces the file instead of writing into it.
  writeFileSync(onHost('follow/staged'), 'third\n');
  renameSync(onHost('follow/staged'), onHost('follow/file.txt'));
  await eventually('the replaced text', () => document.getText() === 'third\n');
});

test('saving writes to the host', async () => {
  freshFolder('save');
  const document = await opened('save/file.txt', 'text\n');
  await type(document, 'new ');
  assert.ok(await document.save());
  assert.equal(readFileSync(onHost('save/file.txt'), 'utf8'), 'new text\n');
  assert.equal(document.isDirty, false);
  await type(document, 'again ');
  assert.ok(await document.save());
  assert.equal(readFileSync(onHost('save/file.txt'), 'utf8'), 'again new text\n');
});

test('an older file put in place meanwhile is not overwritten, and the editor stays dirty', async () => {
  freshFolder('conflict');
  const document = await opened('conflict/file.txt', 'base\n');
  await type(document, 'mine ');
  writeFileSync(onHost('conflict/backup'), 'theirs, restored\n');
  utimesSync(onHost('conflict/backup'), 1_000_000, 1_000_000);
  renameSync(onHost('conflict/backup'), onHost('conflict/file.txt'));
  await settled();
  // How the editor reports it (false, or an error) is its own business.
  const saved = await Promise.resolve(document.save()).catch(() => false);
  assert.equal(saved, false);
  assert.equal(readFileSync(onHost('conflict/file.txt'), 'utf8'), 'theirs, restored\n');
  assert.equal(document.isDirty, true);
  await vscode.commands.executeCommand('workbench.action.files.revert');
});

test('saving all of many files writes each of them', async () => {
  freshFolder('many');
  const documents: vscode.TextDocument[] = [];
  for (let i = 0; i < 20; i++) {
    const document = await opened(`many/${i}.txt`, `${i}\n`);
    await type(document, 'saved ');
    documents.push(document);
  }
  // Its answer is false, too, when an editor closed meanwhile; what counts is on the host.
  await vscode.workspace.saveAll();
  for (const [i, document] of documents.entries()) {
    // The editor's own automatic save may be at work on one of them, and is not waited for.
    const isSaved = () =>
      readFileSync(onHost(`many/${i}.txt`), 'utf8') === `saved ${i}\n` && !document.isDirty;
    await eventually(`${i}.txt is saved`, isSaved);
  }
  await vscode.commands.executeCommand('workbench.action.closeAllEditors');
});
