// What the README and docs/ say is there, is there.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { readmeForPage } from '../../scripts/readmeForPage.mjs';

const root = path.resolve(__dirname, '../..');
const pages = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(path.join(root, 'docs')).map((name) => `docs/${name}`),
].filter((page) => page.endsWith('.md'));

test('every link and picture of the README and of docs/ leads to a file that is there', () => {
  for (const page of pages) {
    const text = readFileSync(path.join(root, page), 'utf8').replace(/```.*?```/gs, '');
    for (const [, target = ''] of text.matchAll(/!?\[[^\]]*\]\(([^)\s]+)\)/g)) {
      if (/^(?:[a-z]+:|#)/i.test(target)) continue;
      const file = path.join(root, path.dirname(page), target.split('#')[0] ?? '');
      assert.ok(existsSync(file), `${page} leads to ${target}`);
    }
  }
});

test('on the extension’s page links and pictures lead into the repository', () => {
  const text = readmeForPage(
    readFileSync(path.join(root, 'README.md'), 'utf8'),
    root,
    'https://example.test/r.git',
  );
  assert.match(text, /!\[[^\]]+\]\(https:\/\/example\.test\/r\/raw\/main\/media\/live\.png\)/);
  assert.match(text, /\]\(https:\/\/example\.test\/r\/blob\/main\/docs\/limits\.md\)/);
  assert.doesNotMatch(text, /\]\((?!https?:|#|vscode:)/);
  assert.throws(() => readmeForPage('[x](no/such.md)', root, 'https://example.test/r'), /not there/);
});

test('the comparison has no empty cells', () => {
  const readme = readFileSync(path.join(root, 'README.md'), 'utf8');
  const table = readme.slice(readme.indexOf('## How it compares'), readme.indexOf('## What it does not do'));
  const rows = table.split('\n').filter((line) => line.startsWith('| '));
  assert.ok(rows.length > 8);
  for (const row of rows.slice(2)) assert.doesNotMatch(row, /\|\s*\|/, row);
});
