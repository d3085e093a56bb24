import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Emitter } from '../../src/base/emitter';

test('a listener that throws is reported and harms nobody else', () => {
  const failures: unknown[] = [];
  const heard: number[] = [];
  const emitter = new Emitter<number>((error) => failures.push(error));
  emitter.on(() => {
    throw new Error('a bad listener');
  });
  emitter.on((value) => heard.push(value));
  emitter.fire(1);
  emitter.fire(2);
  assert.deepEqual(heard, [1, 2]);
  assert.equal(failures.length, 2);
});

test('the same function can listen twice, and each subscription ends by itself', () => {
  const heard: number[] = [];
  const emitter = new Emitter<number>(assert.ifError);
  const listener = (value: number) => heard.push(value);
  const first = emitter.on(listener);
  emitter.on(listener);
  first.dispose();
  emitter.fire(7);
  assert.deepEqual(heard, [7]);
});

test('a listener that was removed during a delivery is not called any more', () => {
  const heard: string[] = [];
  const emitter = new Emitter<void>(assert.ifError);
  emitter.on(() => second.dispose());
  const second = emitter.on(() => heard.push('second'));
  emitter.fire();
  assert.deepEqual(heard, []);
});

test('a disposed emitter is silent', () => {
  const heard: number[] = [];
  const emitter = new Emitter<number>(assert.ifError);
  emitter.on((value) => heard.push(value));
  emitter.dispose();
  emitter.on((value) => heard.push(value));
  emitter.fire(1);
  assert.deepEqual(heard, []);
  assert.equal(emitter.hasListeners, false);
});
