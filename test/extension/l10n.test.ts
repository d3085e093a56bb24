import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
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

test('no sentence about connecting has a code or a word of the machine room either', () => {
  const source = path.resolve(__dirname, '../../src/ssh');
  const found: string[] = [];
  for (const file of readdirSync(source, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts')) continue;
    const text = readFileSync(path.join(source, file), 'utf8');
    // The literals up to the end of the call; what is put into them is a host's or a file's.
    for (const [, call = ''] of text.matchAll(/new ConnectError\(\s*'[\w-]+',\s*([^;]+?)\);?\n/gs)) {
      for (const [literal] of call.matchAll(/'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`/g)) {
        found.push(literal.replace(/\$\{[^}]*\}/g, '…'));
      }
    }
  }
  assert.ok(found.length > 20, `${found.length} sentences are found`);
  for (const sentence of found) assert.deepEqual(machineWordsIn(sentence), [], sentence);
});
