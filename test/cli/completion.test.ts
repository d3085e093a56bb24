// Completions and the manual page, read by the programs they are for.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { optionsOf } from '../../src/cli/commandLine';
import { COMMANDS, type CommandName } from '../../src/cli/commandTable';
import { MemoryVfs } from './memoryVfs';
import { runWith } from './runWith';

const folder = mkdtempSync(join(tmpdir(), 'livemount-completion-'));
after(() => rmSync(folder, { recursive: true, force: true }));
// Completions ask it for the hosts.
writeFileSync(join(folder, 'livemount'), '#!/bin/sh\n[ "$1" = hosts ] && printf "box\\nother\\n"\n');
chmodSync(join(folder, 'livemount'), 0o755);
const env = { ...process.env, PATH: `${folder}:${process.env.PATH}`, HOME: folder, XDG_CONFIG_HOME: folder };

async function script(shell: string): Promise<string> {
  const path = join(folder, shell);
  writeFileSync(path, await runWith(new MemoryVfs(), ['completion', shell]).output());
  return path;
}

const CASES: readonly (readonly [line: string, expected: readonly string[], not: readonly string[]])[] = [
  ['livemount w', ['watch'], ['ls']],
  ['livemount ls -', ['--long', '--cache'], ['--trash']],
  ['livemount ls --cache l', ['lease'], ['none']],
  ['livemount ls b', ['box:'], ['other:']],
  ['livemount help mk', ['mkdir'], ['ls']],
  ['livemount completion f', ['fish'], ['bash']],
];

test('bash completes commands, options, their values and hosts', async () => {
  const path = await script('bash');
  for (const [line, expected, not] of CASES) {
    const words = line.split(' ');
    const program = `source "$1"; COMP_LINE="$2"; COMP_POINT=\${#COMP_LINE}; COMP_WORDS=($2); COMP_CWORD=$((${words.length - 1})); _livemount; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const found = execFileSync('bash', ['--norc', '-c', program, 'bash', path, line], {
      env,
      encoding: 'utf8',
    });
    check(line, found.trim().split('\n'), expected, not);
  }
});

test('fish completes commands, options, their values and hosts', async () => {
  const path = await script('fish');
  for (const [line, expected, not] of CASES) {
    const found = execFileSync(
      'fish',
      ['--no-config', '-c', `source ${path}; complete -C ${JSON.stringify(line)}`],
      {
        env,
        encoding: 'utf8',
      },
    );
    check(
      line,
      found
        .trim()
        .split('\n')
        .map((text) => text.split('\t')[0] ?? ''),
      expected,
      not,
    );
  }
});

test('zsh reads its script without an error, and takes it as the completion', async () => {
  const path = await script('zsh');
  const { status, stdout, stderr } = spawnSync(
    'zsh',
    [
      '-f',
      '-c',
      `autoload -Uz compinit; compinit -u -d ${folder}/dump; source ${path}; print -r -- $_comps[livemount]`,
    ],
    { env, encoding: 'utf8' },
  );
  assert.deepEqual([status, stdout.trim(), stderr], [0, '_livemount', '']);
});

test('every option of every command is in every script', async () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const text = await runWith(new MemoryVfs(), ['completion', shell]).output();
    for (const name of Object.keys(COMMANDS) as CommandName[])
      for (const option of optionsOf(name)) assert.ok(text.includes(option), `${shell}: ${name} --${option}`);
  }
});

test('another shell is a usage error', async () => {
  const run = runWith(new MemoryVfs(), ['completion', 'bsh']);
  assert.equal(await run.code, 2);
  assert.match(run.said[0] ?? '', /takes one of bash, zsh, fish.*did you mean bash\?/);
});

test('the manual page has every command and option, and groff finds no fault with it', async () => {
  const page = await runWith(new MemoryVfs(), ['manual']).output();
  const { stdout, stderr, status } = spawnSync('groff', ['-man', '-Tutf8', '-ww', '-P-cbou'], {
    input: page,
    encoding: 'utf8',
  });
  assert.deepEqual([status, stderr], [0, '']);
  const shown = stdout.replace(/[\u2010\u2212]/g, '-');
  for (const name of Object.keys(COMMANDS) as CommandName[]) {
    assert.match(shown, new RegExp(`^ +${name} `, 'm'));
    for (const option of optionsOf(name)) assert.ok(shown.includes(`--${option}`), `--${option}`);
  }
});

test('the hosts of the SSH configuration are printed, one a line', async () => {
  assert.equal(await runWith(new MemoryVfs(), ['hosts']).output(), 'box\nother\n');
});

function check(
  line: string,
  found: readonly string[],
  expected: readonly string[],
  not: readonly string[],
): void {
  for (const word of expected) assert.ok(found.includes(word), `${line}: ${word} in ${found.join(' ')}`);
  for (const word of not) assert.ok(!found.includes(word), `${line}: no ${word} in ${found.join(' ')}`);
}
