import assert from 'node:assert/strict';
import { test } from 'node:test';
import '../extension/support/fakeVscode';
import { gaps, germanManifest, germanTexts, shownTexts } from '../../scripts/l10n';
import { editorManifest } from '../../scripts/contributes';
import { machineWordsIn } from '../fixtures/machineWords';

test('every text that people read has a German one, and none is left of a text that is gone', () => {
  assert.ok(shownTexts().size > 200, 'the texts are found');
  assert.deepEqual(gaps(), { missing: [], stale: [] });
});

const places = (text: string) => (text.match(/\{\d+\}/g) ?? []).sort();

test('a translation has the places for arguments of its text, and each command link', () => {
  for (const [english, german] of Object.entries(germanTexts())) {
    assert.deepEqual(places(german), places(english), english);
    assert.notEqual(german, '');
  }
  const { texts } = editorManifest();
  const links = (text: string) => (text.match(/\(command:[\w.]+\)/g) ?? []).sort();
  for (const [key, german] of Object.entries(germanManifest())) {
    assert.deepEqual(links(german), links(texts[key] ?? ''), key);
  }
});

test('no text of the window or of the manifest has a code or a word of the machine room', () => {
  const choice = /^setting\.livemount\.cache\.mode/;
  for (const text of shownTexts()) assert.deepEqual(machineWordsIn(text), [], text);
  for (const [key, text] of Object.entries(editorManifest().texts)) {
    if (!choice.test(key)) assert.deepEqual(machineWordsIn(text), [], text);
  }
});
