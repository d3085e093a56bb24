import assert from 'node:assert/strict';
import { test } from 'node:test';
import { onDispose } from '../../src/base/dispose';
import { answerPassedOn, passedOn, type Wire } from '../../src/ssh/auth/passedOn';
import { nobody } from '../../src/ssh/auth/prompter';

/** Two ends of a wire that carries JSON, and what cuts it. */
function wires(): { near: Wire; far: Wire; cut(): void } {
  const listeners = { near: new Set<(m: unknown) => void>(), far: new Set<(m: unknown) => void>() };
  const ends = new Set<() => void>();
  let open = true;
  const end = (own: 'near' | 'far', other: 'near' | 'far'): Wire => ({
    send(message) {
      const text = JSON.stringify(message);
      const deliver = () => {
        for (const listener of listeners[other]) listener(JSON.parse(text));
      };
      if (open) setImmediate(deliver);
      return open;
    },
    onMessage(listener) {
      listeners[own].add(listener);
      return onDispose(() => void listeners[own].delete(listener));
    },
    onEnd(listener) {
      ends.add(listener);
      return onDispose(() => void ends.delete(listener));
    },
  });
  return {
    near: end('near', 'far'),
    far: end('far', 'near'),
    cut() {
      open = false;
      for (const listener of ends) listener();
    },
  };
}

const key = { host: 'build', keyType: 'ED25519', fingerprint: 'SHA256:x', otherTypes: [] };

test('questions and secrets of another process are answered over a wire', async () => {
  const { near, far } = wires();
  const kept = new Map([['old', 'secret']]);
  answerPassedOn(far, {
    prompter: {
      confirmHostKey: async ({ host }) => host === 'build',
      passphrase: async ({ keyFile }) => ({ secret: `of ${keyFile}`, remember: true }),
      password: async () => undefined,
      keyboardInteractive: async ({ prompts }) => prompts.map(({ text }) => `to ${text}`),
    },
    secrets: {
      get: async (name) => kept.get(name),
      set: async (name, secret) => void kept.set(name, secret),
      delete: async (name) => void kept.delete(name),
    },
  });
  const { prompter, secrets } = passedOn(near);
  assert.equal(await prompter.confirmHostKey(key), true);
  assert.equal(await prompter.confirmHostKey({ ...key, host: 'else' }), false);
  assert.deepEqual(await prompter.passphrase({ keyFile: 'id', wrong: false }), {
    secret: 'of id',
    remember: true,
  });
  assert.equal(await prompter.password({ user: 'me', host: 'build', wrong: true }), undefined);
  const asked = { host: 'build', name: '', instructions: '', prompts: [{ text: 'a', echo: true }] };
  assert.deepEqual(await prompter.keyboardInteractive(asked), ['to a']);
  assert.equal(await secrets.get('old'), 'secret');
  await secrets.set('new', 'one');
  await secrets.delete('old');
  assert.deepEqual([...kept], [['new', 'one']]);
});

test('a question counts as closed when it fails at the other end, when that is gone, and when it goes meanwhile', async () => {
  const { near, far, cut } = wires();
  const { prompter, secrets } = passedOn(near);
  const answering = answerPassedOn(far, {
    prompter: { ...nobody, passphrase: () => Promise.reject(new Error('no window')) },
    secrets: { get: async () => undefined, set: async () => undefined, delete: async () => undefined },
  });
  assert.equal(await prompter.passphrase({ keyFile: 'id', wrong: false }), undefined);
  answering.dispose();
  const waiting = prompter.confirmHostKey(key);
  cut();
  assert.equal(await waiting, false);
  assert.equal(await secrets.get('any'), undefined);
});

test('messages that are no question of ours call nothing', async () => {
  const { near, far } = wires();
  const called: string[] = [];
  const answered: unknown[] = [];
  answerPassedOn(far, {
    prompter: nobody,
    secrets: {
      get: async (name) => void called.push(name),
      set: async () => undefined,
      delete: async () => undefined,
    },
  });
  near.onMessage((message) => answered.push(message));
  for (const of of ['constructor', '__proto__', 'toString', 'other'])
    near.send({ question: 1, of, with: ['x'] });
  near.send({ question: 2, of: 'get', with: ['last'] });
  while (called.length === 0 || answered.length === 0) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(called, ['last']);
  assert.deepEqual(answered, [{ answer: 2 }]);
});
