import assert from 'node:assert/strict';
import { beforeEach, mock, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { clear, fake, registered } from './support/fakeVscode';
import { registerCommands, type CommandContext } from '../../src/extension/commands';
import { registerGitCommands, type GitContext } from '../../src/extension/git/commands';

beforeEach(clear);

/** A window of which nothing works but its log, and whose messages nobody answers. */
function broken<T extends object>(): { context: T; messages: string[] } {
  const messages: string[] = [];
  for (const door of ['showErrorMessage', 'showWarningMessage', 'showInformationMessage'] as const)
    mock.method(fake.window, door, (text: string) => {
      messages.push(text);
      return new Promise(() => {});
    });
  const log = { error() {}, warn() {}, info() {}, debug() {}, trace() {}, show() {} };
  const context = new Proxy({} as T, {
    get(_target, name) {
      if (name === 'log') return log;
      throw new Error('out of order');
    },
  });
  return { context, messages };
}

/** Whether it has ended when everything that waits for nobody has run. */
async function ends(run: unknown): Promise<boolean> {
  let ended = false;
  void Promise.resolve(run).then(() => {
    ended = true;
  });
  for (let i = 0; i < 50 && !ended; i++) await turn();
  return ended;
}

for (const [whose, register] of [
  ['the window', () => ({ ...broken<CommandContext>(), register: registerCommands })],
  ['git', () => ({ ...broken<GitContext>(), register: registerGitCommands })],
] as const)
  test(`a command of ${whose} that fails ends at once, though nobody answers its message`, async (t) => {
    t.after(() => mock.restoreAll());
    const { context, messages, register: add } = register();
    const before = new Set(registered.keys());
    const commands = (add as (context: unknown) => { dispose(): void })(context);
    t.after(() => commands.dispose());
    const hang: string[] = [];
    let tried = 0;
    for (const [id, run] of registered) {
      if (before.has(id)) continue;
      const said = messages.length;
      const ended = await ends(run());
      if (messages.length > said) tried++;
      if (messages.length > said && !ended) hang.push(`${id}: ${messages.at(-1)}`);
    }
    assert.deepEqual(hang, []);
    assert.ok(tried > 5, `only ${tried} said that they failed`);
  });
