// Terminals and tasks on the host, asked for through the editor's own API.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { eventually, freshFolder, onHost, remote, settled } from './place';
import { test } from './runner';

/** A terminal on the host in this folder, ready for a line. */
async function terminalIn(folder: string): Promise<vscode.Terminal> {
  await settled();
  const before = new Set(vscode.window.terminals);
  await vscode.commands.executeCommand('livemount.openTerminal', remote(folder));
  await eventually('a terminal', () => vscode.window.terminals.some((one) => !before.has(one)));
  const terminal = vscode.window.terminals.find((one) => !before.has(one));
  assert.ok(terminal);
  return terminal;
}

function text(file: string): string {
  try {
    return readFileSync(onHost(file), 'utf8');
  } catch {
    return '';
  }
}

test('a terminal runs on the host, in the folder it was opened in', async () => {
  freshFolder('terminal here');
  const terminal = await terminalIn('terminal here');
  assert.match(terminal.name, /^Livemount: /);
  terminal.sendText('echo "$LIVEMOUNT $(pwd)" > said');
  await eventually('it wrote', () => text('terminal here/said') !== '');
  assert.equal(text('terminal here/said'), `1 ${onHost('terminal here')}\n`);
  terminal.sendText('exit');
  await eventually('it ends', () => terminal.exitStatus !== undefined);
});

test('the editor knows the folder and the commands of a terminal on the host', async () => {
  freshFolder('known');
  const terminal = await terminalIn('known');
  await eventually('shell integration', () => terminal.shellIntegration?.cwd?.path === onHost('known'));
  const events: string[] = [];
  const subscriptions = [
    vscode.window.onDidStartTerminalShellExecution(({ execution }) =>
      events.push(`start ${execution.commandLine.value}`),
    ),
    vscode.window.onDidEndTerminalShellExecution(({ execution, exitCode }) =>
      events.push(`end ${execution.commandLine.value}: ${exitCode}`),
    ),
  ];
  terminal.sendText("sh -c 'exit 7'");
  await eventually('the command is told', () => events.includes("end sh -c 'exit 7': 7")).catch((error) => {
    throw new Error(`${error.message}; told: ${events.join(', ')}`);
  });
  for (const subscription of subscriptions) subscription.dispose();
  terminal.sendText('exit');
  await eventually('it ends', () => terminal.exitStatus !== undefined);
});

test('lm opens the host’s file at its line, and --wait waits until it is closed', async () => {
  freshFolder('lm');
  writeFileSync(onHost('lm/file.txt'), 'one\ntwo\nthree\n');
  await settled();
  const terminal = await terminalIn('lm');
  terminal.sendText('lm file.txt:2:3; echo $? > status');
  await eventually('it answers', () => text('lm/status') !== '');
  assert.equal(text('lm/status'), '0\n');
  const editor = vscode.window.activeTextEditor;
  assert.equal(`${editor?.document.uri}`, `${remote('lm/file.txt')}`);
  assert.deepEqual([editor?.selection.active.line, editor?.selection.active.character], [1, 2]);

  execFileSync('git', ['init', '-q'], { cwd: onHost('lm') });
  terminal.sendText(
    'git add file.txt && git -c user.name=me -c user.email=me@host commit; echo $? > committed',
  );
  const message = () =>
    vscode.workspace.textDocuments.find(({ uri }) => uri.path.endsWith('/COMMIT_EDITMSG'));
  await eventually('the message is open', () => vscode.window.activeTextEditor?.document === message());
  const document = message();
  assert.ok(document);
  const edit = new vscode.WorkspaceEdit();
  edit.insert(document.uri, new vscode.Position(0, 0), 'Written in the editor\n');
  assert.ok(await vscode.workspace.applyEdit(edit));
  assert.ok(await document.save());
  assert.equal(text('lm/committed'), '', 'git went on before the message was closed');
  await vscode.commands.executeCommand('workbench.action.closeActiveEditor');
  await eventually('git goes on', () => text('lm/committed') !== '');
  assert.equal(text('lm/committed'), '0\n');
  const log = execFileSync('git', ['log', '--format=%s'], { cwd: onHost('lm'), encoding: 'utf8' });
  assert.equal(log, 'Written in the editor\n');
  terminal.sendText('exit');
  await eventually('it ends', () => terminal.exitStatus !== undefined);
});

test('a task found in a Makefile runs on the host, and its problem is at the host’s file', async () => {
  writeFileSync(onHost('Makefile'), 'all:\n\t@echo "src/main.c:2:3: error: this is no good"; exit 1\n');
  await settled();
  let task: vscode.Task | undefined;
  await eventually('the task is found', async () => {
    const tasks = await vscode.tasks.fetchTasks({ type: 'livemount' });
    task = tasks.find(({ name }) => name === 'make: all');
    return task !== undefined;
  });
  assert.ok(task);
  const ended = new Promise<void>((resolve) => {
    const subscription = vscode.tasks.onDidEndTask(({ execution }) => {
      if (execution.task.name !== 'make: all') return;
      subscription.dispose();
      resolve();
    });
  });
  await vscode.tasks.executeTask(task);
  await ended;
  const found = () => vscode.languages.getDiagnostics(remote('src/main.c'));
  await eventually('the problem', () => found().length === 1);
  const [problem] = found();
  assert.equal(problem?.message, 'this is no good');
  assert.equal(problem?.severity, vscode.DiagnosticSeverity.Error);
  assert.deepEqual([problem?.range.start.line, problem?.range.start.character], [1, 2]);

  // Mended, it goes when the task runs again.
  writeFileSync(onHost('Makefile'), 'all:\n\t@echo fine\n');
  await vscode.tasks.executeTask(task);
  await eventually('the problem is gone', () => found().length === 0);
});

test('a task written down runs a line of the login shell, in its folder and with its variables', async () => {
  freshFolder('by hand');
  const folder = vscode.workspace.workspaceFolders?.[0];
  assert.ok(folder);
  const definition = {
    type: 'livemount',
    command: 'echo "$MINE in $(pwd)" > out',
    cwd: 'by hand',
    env: { MINE: 'set' },
  };
  const tasks = [{ ...definition, label: 'by hand' }];
  const file = path.join(onHost('.'), '.vscode');
  freshFolder('.vscode');
  writeFileSync(path.join(file, 'tasks.json'), JSON.stringify({ version: '2.0.0', tasks }));
  await settled();
  let task: vscode.Task | undefined;
  await eventually('the task is known', async () => {
    task = (await vscode.tasks.fetchTasks()).find(({ name }) => name === 'by hand');
    return task !== undefined;
  });
  assert.ok(task);
  await vscode.tasks.executeTask(task);
  await eventually('it wrote', () => text('by hand/out') !== '');
  assert.equal(text('by hand/out'), `set in ${onHost('by hand')}\n`);
});
