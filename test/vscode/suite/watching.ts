// What programs of the host do is told by itself.
import { appendFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import * as vscode from 'vscode';
import { EventLog, eventually, freshFolder, onHost, remote } from './place';
import { test } from './runner';

/** An events log that is known to be armed: the editor does not say when a watch is in force, so a probe does. */
async function armed(below: string): Promise<EventLog> {
  freshFolder(below);
  const log = new EventLog(remote(below));
  let probe = 0;
  await eventually('the watch is in force', () => {
    writeFileSync(onHost(`${below}/probe-${probe++}`), '');
    return (
      log.count('create probe-0') > 0 ||
      Array.from({ length: probe }, (_, i) => `create probe-${i}`).some((event) => log.count(event) > 0)
    );
  });
  return log;
}

test('files that are made, changed and deleted on the host are told', async () => {
  const log = await armed('watched');
  writeFileSync(onHost('watched/file'), 'one');
  await log.saw('create file');
  appendFileSync(onHost('watched/file'), 'two');
  await log.saw('change file');
  rmSync(onHost('watched/file'));
  await log.saw('delete file');
  log.dispose();
});

test('a rename on the host is a deletion and a creation', async () => {
  const log = await armed('renamed');
  writeFileSync(onHost('renamed/before'), '');
  await log.saw('create before');
  renameSync(onHost('renamed/before'), onHost('renamed/after'));
  await log.saw('delete before', 'create after');
  log.dispose();
});

test('what appears full is told whole: a folder and the files in it', async () => {
  const log = await armed('appears');
  mkdirSync(onHost('appears/a/b'), { recursive: true });
  writeFileSync(onHost('appears/a/b/c'), '');
  await log.saw('create a', 'create a/b/c');
  log.dispose();
});

test('a file that does not exist yet can be watched', async () => {
  const uri = remote('not-yet/there.json');
  const watcher = vscode.workspace.createFileSystemWatcher(
    new vscode.RelativePattern(remote('not-yet'), 'there.json'),
  );
  let created = false;
  watcher.onDidCreate((at) => {
    created ||= at.path === uri.path;
  });
  // The folder comes first, as when a program makes its own settings folder.
  mkdirSync(onHost('not-yet'), { recursive: true });
  writeFileSync(onHost('not-yet/there.json'), '{}');
  await eventually('the file is told', () => created);
  watcher.dispose();
});
