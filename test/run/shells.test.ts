// What shells of ours mark, and `lm` in them.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { Ask, RemoteProcess } from '../../src/client/processes/processes';
import { connected, eventually } from '../client/support/hostAgent';

/** A mark, what the prompt draws, another mark. */
const PROMPT = new RegExp(`${mark('A')}(?:(?!${mark('B')}).)*> (?:(?!${mark('A')}).)*${mark('B')}`, 's');

function mark(letter: string): string {
  return `\\x1b\\]633;${letter}\\x07`;
}

const NONCE = 'a-nonce-of-the-editor';

interface Shell {
  readonly process: RemoteProcess;
  readonly dir: string;
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  printed(): string;
  type(line: string): void;
  prints(what: string | RegExp): Promise<void>;
}

async function shellOn(
  t: TestContext,
  shell: string,
  files: Readonly<Record<string, string>>,
): Promise<Shell> {
  const { vfs, agent, dir } = await connected(t);
  const home = path.join(dir, 'home');
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(home, name)), { recursive: true });
    writeFileSync(path.join(home, name), text);
  }
  agent.login = { shell, env: { ...agent.login.env, HOME: home, SHELL: shell } };
  const process = await vfs.processes.start({
    run: { shell: undefined },
    cwd: dir,
    terminal: { cols: 200, rows: 24 },
    env: { TERM: 'xterm-256color' },
    nonce: NONCE,
  });
  let printed = '';
  process.output.on('data', (chunk: Buffer) => {
    printed += chunk.toString();
    // Shells that ask what the terminal is are told.
    if (chunk.includes('\x1b[c') || chunk.includes('\x1b[0c')) process.input.write('\x1b[?1;2c');
  });
  return {
    process,
    dir,
    folder: agent.terminalFolder,
    env: agent.login.env,
    printed: () => printed,
    type: (line) => process.input.write(`${line}\r`),
    prints: (what) =>
      eventually(`it prints ${what}`, () =>
        typeof what === 'string' ? printed.includes(what) : what.test(printed),
      ).catch((error: Error) => {
        throw new Error(`${error.message}; it printed ${JSON.stringify(printed)}`);
      }),
  };
}

const SHELLS = [
  [
    '/bin/bash',
    {
      '.bash_profile': 'export MINE=login; . ~/.bashrc\n',
      '.bashrc': 'PS1="> "\nPROMPT_COMMAND="hash -r"\n',
    },
  ],
  ['/usr/bin/zsh', { '.zprofile': 'export MINE=login\n', '.zshrc': 'PS1="> "\n' }],
  [
    '/usr/bin/fish',
    {
      '.config/fish/config.fish':
        'set -x MINE login\nset fish_greeting\nfunction fish_prompt\n  printf "> "\nend\n',
    },
  ],
] as const;

for (const [shell, files] of SHELLS) {
  describe(`a terminal with ${shell}`, () => {
    it('marks prompts, commands, their ends and the folder', async (t) => {
      if (!existsSync(shell)) return t.skip(`${shell} is not here`);
      const on = await shellOn(t, shell, files);
      await on.prints(PROMPT);
      assert.ok(on.printed().includes(`\x1b]633;P;Cwd=${on.dir}\x07`), on.printed());
      on.type('sh -c \'echo "$MINE; x"; exit 3\'');
      await on.prints('login; x\r\n');
      await on.prints('\x1b]633;D;3\x07');
      await on.prints(`\x1b]633;E;sh -c 'echo "$MINE\\x3b x"\\x3b exit 3';${NONCE}\x07`);
      await on.prints('\x1b]633;C\x07');
      on.type('cd /');
      await on.prints('\x1b]633;P;Cwd=/\x07');
      on.type('echo "nonce=$LIVEMOUNT_NONCE. bin=$LIVEMOUNT_BIN."');
      await on.prints('nonce=. bin=.\r\n');
      on.type('echo "files $ZDOTDIR."');
      await on.prints('files .\r\n');
      on.type('exit 5');
      assert.equal((await on.process.ended).code, 5);
    });

    it('has lm, which the window answers', async (t) => {
      if (!existsSync(shell)) return t.skip(`${shell} is not here`);
      const on = await shellOn(t, shell, files);
      const asks: (Ask & { request: unknown })[] = [];
      on.process.onAsk((ask) => asks.push({ ...ask, answer: ask.answer, request: JSON.parse(ask.body) }));
      await on.prints('633;B');
      writeFileSync(path.join(on.dir, 'a:1'), '');
      on.type('lm new.txt:12:3 a:1 .');
      await eventually('the window is asked', () => asks.length === 1);
      assert.deepEqual(asks[0]?.request, {
        kind: 'open',
        files: [
          { path: `${on.dir}/new.txt`, isFolder: false, line: 12, column: 3 },
          { path: `${on.dir}/a:1`, isFolder: false },
          { path: on.dir, isFolder: true },
        ],
        wait: false,
      });
      asks[0]?.answer(0);
      await on.prints('\x1b]633;D;0\x07');
      on.type('sh -c "$EDITOR message"');
      await eventually('it asks again', () => asks.length === 2);
      assert.match(asks[1]?.body ?? '', /"wait":true/);
      asks[1]?.answer(7, 'it was not saved');
      await on.prints('lm: it was not saved');
      on.process.dispose();
    });
  });
}

describe('the socket of lm', () => {
  it('of another user is told nothing', async (t) => {
    if (process.getuid?.() !== 0) return t.skip('only root can make it another user’s');
    const dir = mkdtempSync(path.join(tmpdir(), 'livemount-foreign-'));
    const socket = path.join(dir, 'lm');
    let heard = '';
    const server = createServer((peer) => peer.on('data', (chunk) => (heard += String(chunk))));
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    t.after(() => {
      server.close();
      rmSync(dir, { recursive: true, force: true });
    });
    chownSync(socket, 65_534, 65_534);
    const env = { PATH: process.env.PATH, LIVEMOUNT_SOCKET: socket, LIVEMOUNT_TERMINAL: '0'.repeat(32) };
    const agent = path.resolve(__dirname, '../../dist/agent.js');
    const lm = spawn(process.execPath, [agent, 'lm', 'file'], { env, stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    lm.stderr.on('data', (chunk) => {
      said += String(chunk);
    });
    const [status] = (await once(lm, 'close')) as [number];
    assert.equal(status, 1);
    assert.match(said, /no socket of yours/);
    assert.equal(heard, '');
  });

  it('is this user’s alone, and answers nobody who does not know a terminal', async (t) => {
    const on = await shellOn(t, '/bin/bash', {});
    await on.prints('633;B');
    const socket = path.join(on.folder, 'lm');
    assert.equal(statSync(socket).mode & 0o777, 0o600);
    assert.equal(statSync(on.folder).mode & 0o777, 0o700);
    const outside = spawnSync(path.join(on.folder, 'bin/lm'), ['file'], {
      env: { PATH: process.env.PATH },
      encoding: 'utf8',
    });
    assert.deepEqual(
      [outside.status, outside.stderr],
      [1, 'lm: this is no terminal of a Livemount window\n'],
    );
    on.type(`LIVEMOUNT_TERMINAL=${'0'.repeat(32)} lm file; echo status $?`);
    await on.prints('no window has this terminal open');
    await on.prints('status 1\r\n');
    on.process.dispose();
  });
});
