import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { letterOf, operandWords, optionsOf } from '../../src/cli/commandLine';
import { COMMANDS, type CommandName } from '../../src/cli/commandTable';
import { commandHelp, generalHelp, usage } from '../../src/cli/help';
import { OPTIONS, type OptionName } from '../../src/cli/options';

const names = Object.keys(COMMANDS) as CommandName[];
const readme = readFileSync(path.resolve(__dirname, '../../README.md'), 'utf8');

test('every command is in the program’s help with its summary', () => {
  const help = generalHelp().replace(/\s+/g, ' ');
  for (const name of names) {
    assert.ok(help.includes(`${name} ${operandWords(name).join(' ')}`), name);
    assert.ok(help.includes(COMMANDS[name].summary), name);
  }
});

test('every command’s help shows all its options', () => {
  for (const name of names) {
    const help = commandHelp(name);
    for (const option of optionsOf(name)) assert.ok(help.includes(`--${option}`), `${name} --${option}`);
    assert.ok(help.startsWith(usage(name)));
  }
});

test('no line of the help, of a usage or of an error in it is wider than a terminal of 80 columns', () => {
  const lines = [
    generalHelp(),
    usage(undefined),
    ...names.flatMap((name) => [commandHelp(name), usage(name)]),
  ].flatMap((text) => text.split('\n'));
  assert.deepEqual(
    lines.filter((line) => line.length > 80),
    [],
  );
});

test('every option belongs to some command, and no two share a letter', () => {
  const used = new Set<OptionName>(['version', ...names.flatMap((name) => optionsOf(name))]);
  assert.deepEqual([...used].sort(), (Object.keys(OPTIONS) as OptionName[]).sort());
  for (const name of names) {
    const letters = optionsOf(name).flatMap((option) => letterOf(option, name) ?? []);
    assert.equal(new Set(letters).size, letters.length, name);
  }
});

test('the README shows every command', () => {
  for (const name of names) {
    const pattern = new RegExp(`livemount ${name}( |\`|$)`, 'm');
    assert.match(readme, pattern);
  }
});
