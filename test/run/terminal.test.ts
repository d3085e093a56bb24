// Programs that draw on a terminal, in a pseudoterminal of the host, with their screens read as a person would.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { Terminal } from '@xterm/headless';
import type { RemoteProcess, StartOptions } from '../../src/client/processes/processes';
import { run } from '../../src/client/processes/run';
import { connected, eventually, type Setting } from '../client/support/hostAgent';
import { isAlive, processState } from '../fixtures/processes';

/** A program on the host and the screen it draws. */
class Screen {
  readonly terminal: Terminal;

  constructor(
    readonly process: RemoteProcess,
    size: { readonly cols: number; readonly rows: number },
  ) {
    this.terminal = new Terminal({ ...size, allowProposedApi: true });
    process.output.on('data', (chunk: Buffer) => this.terminal.write(chunk));
    // A terminal answers when it is asked what it is.
    this.terminal.onData((answer) => process.input.write(answer));
  }

  get text(): string {
    const { active } = this.terminal.buffer;
    const line = (i: number) =>
      active
        .getLine(active.viewportY + i)
        ?.translateToString(true)
        .trimEnd() ?? '';
    return Array.from({ length: this.terminal.rows }, (_, i) => line(i)).join('\n');
  }

  type(keys: string): void {
    this.process.input.write(keys);
  }

  async shows(what: string | RegExp): Promise<void> {
    const found = () => (typeof what === 'string' ? this.text.includes(what) : what.test(this.text));
    await eventually(`the screen shows ${what}`, found).catch((error: Error) => {
      throw new Error(`${error.message}; it shows:\n${this.text}`);
    });
  }
}

const SIZE = { cols: 80, rows: 24 };

async function screenOf(
  setting: Setting,
  start: StartOptions['run'],
  more: Partial<StartOptions> = {},
): Promise<Screen> {
  const process = await setting.vfs.processes.start({
    run: start,
    cwd: setting.dir,
    terminal: SIZE,
    env: { TERM: 'xterm-256color', ...more.env },
    ...(more.keep && { keep: true }),
  });
  return new Screen(process, SIZE);
}

/** A home without startup files of anybody's. */
async function atHome(
  t: TestContext,
  shell: string,
  files: Readonly<Record<string, string>> = {},
): Promise<Setting> {
  const setting = await connected(t);
  const home = path.join(setting.dir, 'home');
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(home, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, content);
  }
  mkdirSync(home, { recursive: true });
  const { agent } = setting;
  agent.login = { shell, env: { ...agent.login.env, HOME: home, SHELL: shell } };
  return setting;
}

describe('a terminal on the host', () => {
  it('edits with vim', async (t) => {
    const setting = await connected(t);
    writeFileSync(path.join(setting.dir, 'text'), 'first\nsecond\n');
    const screen = await screenOf(setting, { program: ['vim', '-u', 'NONE', '-N', 'text'] });
    await screen.shows(/first\nsecond\n~\n~/);
    screen.type('Gothird\x1b:wq\r');
    assert.deepEqual(await screen.process.ended, { code: 0, signal: 0 });
    assert.equal(readFileSync(path.join(setting.dir, 'text'), 'utf8'), 'first\nsecond\nthird\n');
  });

  it('pages with less, and follows a new size', async (t) => {
    const setting = await connected(t);
    writeFileSync(
      path.join(setting.dir, 'long'),
      Array.from({ length: 500 }, (_, i) => `line ${i + 1}\n`).join(''),
    );
    const screen = await screenOf(setting, { program: ['less', 'long'] });
    await screen.shows(/^line 1\n[\s\S]*line 23\nlong$/);
    screen.type(' ');
    await screen.shows(/^line 24\n/);
    screen.terminal.resize(60, 40);
    screen.process.resize({ cols: 60, rows: 40 });
    await screen.shows(/line 62\n/);
    screen.type('g');
    await screen.shows(/^line 1\n[\s\S]*line 39\n/);
    screen.type('q');
    assert.deepEqual(await screen.process.ended, { code: 0, signal: 0 });
  });

  it('shows tmux and what runs in it', async (t) => {
    const setting = await atHome(t, '/bin/sh');
    const socket = path.join(setting.dir, 'tmux');
    const screen = await screenOf(setting, {
      program: ['tmux', '-S', socket, '-f', '/dev/null', 'new', 'echo $((6*7)) in tmux; read x'],
    });
    t.after(() => run(setting.vfs.processes, ['tmux', '-S', socket, 'kill-server']).catch(() => undefined));
    await screen.shows('42 in tmux');
    await screen.shows(/\[0\] /);
    screen.type('\r');
    assert.equal((await screen.process.ended).code, 0);
  });

  it('shows htop', async (t) => {
    const setting = await atHome(t, '/bin/sh');
    const screen = await screenOf(setting, { program: ['htop', '--no-color'] });
    await screen.shows(/PID\s+USER/);
    await screen.shows('F10');
    screen.type('q');
    assert.equal((await screen.process.ended).code, 0);
  });

  it('tells of its size, and of a new one with SIGWINCH', async (t) => {
    const setting = await connected(t);
    const script = 'stty size; trap "stty size" WINCH; echo ready; while :; do sleep 0.05; done';
    const screen = await screenOf(setting, { program: ['sh', '-c', script] });
    await screen.shows('24 80\nready');
    screen.process.resize({ cols: 132, rows: 50 });
    await screen.shows('50 132');
    screen.process.dispose();
  });

  it('has job control: control-Z stops, fg goes on, control-C interrupts', async (t) => {
    const setting = await atHome(t, '/bin/bash', { '.bash_profile': 'PS1="$ "\n' });
    const screen = await screenOf(setting, { shell: undefined });
    await screen.shows(/^\$/);
    screen.type("sh -c 'echo pid $$; exec sleep 1000'\r");
    await screen.shows(/pid \d+/);
    const pid = Number(/pid (\d+)/.exec(screen.text)?.[1]);
    screen.type('\x1a');
    await screen.shows(/Stopped/);
    assert.equal(processState(pid), 'T');
    screen.type('fg\r');
    await eventually('it goes on', () => processState(pid) === 'S');
    screen.type('\x03');
    await eventually('it is interrupted', () => !isAlive(pid));
    screen.type('echo status $?\r');
    await screen.shows('status 130');
    screen.type('exit 9\r');
    assert.equal((await screen.process.ended).code, 9);
  });

  it('is quickly interrupted in the middle of a flood, and others are answered meanwhile', async (t) => {
    const setting = await connected(t);
    const screen = await screenOf(setting, {
      program: ['sh', '-c', 'trap "echo; echo done; exit 3" INT; yes'],
    });
    await screen.shows(/y\ny\ny/);
    for (let i = 0; i < 50; i++) assert.equal((await setting.vfs.stat(setting.dir)).kind, 'directory');
    screen.type('\x03');
    assert.equal((await screen.process.ended).code, 3);
    await screen.shows('done');
  });

  it('passes on what is no UTF-8, and a character that comes in pieces', async (t) => {
    const setting = await connected(t);
    const screen = await screenOf(setting, {
      program: ['sh', '-c', "printf '\\377\\376 caf\\303'; sleep 0.2; printf '\\251 ok'; read x"],
    });
    await screen.shows(/caf\u00e9 ok/);
    screen.process.dispose();
  });

  it('takes a paste larger than any buffer in between', async (t) => {
    const setting = await connected(t);
    const screen = await screenOf(setting, {
      program: ['sh', '-c', 'stty raw -echo; echo ready; head -c 300000 | md5sum'],
    });
    await screen.shows('ready');
    screen.type('x'.repeat(300_000));
    await screen.shows(`${createHash('md5').update('x'.repeat(300_000)).digest('hex')}  -`);
    assert.equal((await screen.process.ended).code, 0);
  });

  it('ends with its program, also where something in the background has it open', async (t) => {
    const setting = await connected(t);
    const screen = await screenOf(setting, {
      program: ['sh', '-c', '(trap "" HUP; sleep 2) & echo last words; exit 4'],
    });
    assert.equal((await screen.process.ended).code, 4);
    await screen.shows('last words');
  });
});

describe('a login on the host', () => {
  for (const [shell, files] of [
    ['/bin/bash', { '.bash_profile': 'export FROM_LOGIN=yes\n' }],
    ['/bin/dash', { '.profile': 'export FROM_LOGIN=yes\n' }],
    ['/usr/bin/zsh', { '.zprofile': 'export FROM_LOGIN=yes\n', '.zshrc': '' }],
    ['/usr/bin/fish', { '.config/fish/config.fish': 'set -x FROM_LOGIN yes\n' }],
    ['/usr/bin/tcsh', { '.cshrc': 'setenv FROM_LOGIN yes\n' }],
  ] as const) {
    it(`with ${shell} reads its startup files and leaves a program’s arguments and streams alone`, async (t) => {
      if (!existsSync(shell)) return t.skip(`${shell} is not here`);
      const { vfs } = await atHome(t, shell, files as Readonly<Record<string, string>>);
      const words = ['a b', '$HOME', "it's", '*', '!x', ''];
      const script = 'printf "%s|" "$FROM_LOGIN" "$@"; cat';
      const ran = await run(vfs.processes, ['/bin/sh', '-c', script, 'sh', ...words], { input: 'input' });
      assert.equal(ran.output.toString(), `yes|${words.join('|')}|input`, ran.errors.toString());
      const command = await vfs.processes.start({ run: { shell: 'echo $FROM_LOGIN; exit 6' } });
      command.output.resume();
      assert.equal((await command.ended).code, 6);
    });
  }

  it('whose startup files print, read and fail leaves the bytes of a program its own', async (t) => {
    const noisy = 'echo welcome\ncat\nno-such-program\nexport FROM_LOGIN=yes\n';
    const { vfs } = await atHome(t, '/bin/bash', { '.bash_profile': noisy });
    const ran = await run(vfs.processes, ['/bin/sh', '-c', 'echo $FROM_LOGIN; cat'], { input: 'mine' });
    assert.equal(ran.output.toString(), 'yes\nmine');
    assert.match(ran.errors.toString(), /welcome/);
  });

  for (const [shell, files] of [
    ['/bin/bash', { '.bash_profile': 'if then (\nexport FROM_LOGIN=no\n', '.bashrc': 'fi )\n' }],
    ['/bin/dash', { '.profile': 'no-such-program\n' }],
    ['/usr/bin/zsh', { '.zprofile': 'if then (\n', '.zshrc': '}} ((\n' }],
    ['/usr/bin/fish', { '.config/fish/config.fish': 'if (( end end\n' }],
    ['/usr/bin/tcsh', { '.cshrc': 'no-such-program\n' }],
  ] as const) {
    it(`with ${shell} whose startup files are broken runs what it is told, and a terminal can be typed in`, async (t) => {
      if (!existsSync(shell)) return t.skip(`${shell} is not here`);
      const setting = await atHome(t, shell, files as Readonly<Record<string, string>>);
      const ran = await run(setting.vfs.processes, ['/bin/sh', '-c', 'echo ran; cat; exit 4'], {
        input: 'input',
      });
      assert.deepEqual([ran.output.toString(), ran.code], ['ran\ninput', 4], ran.errors.toString());
      const process = await setting.vfs.processes.start({
        run: { shell: undefined },
        terminal: SIZE,
        nonce: 'secret',
        env: { TERM: 'xterm-256color' },
      });
      const screen = new Screen(process, SIZE);
      screen.type('echo a"b"c\r');
      // Behind the prompt, where the keys were quicker than the shell.
      await screen.shows('abc');
      screen.type('exit 5\r');
      assert.equal((await process.ended).code, 5);
    });
  }

  for (const shell of ['/bin/bash', '/bin/dash', '/usr/bin/zsh', '/usr/bin/fish', '/usr/bin/tcsh']) {
    it(`with ${shell} is the same for many programs at once, which do not each read the startup files`, async (t) => {
      if (!existsSync(shell)) return t.skip(`${shell} is not here`);
      const lines = 'export FROM_LOGIN="two\nlines"\necho read >> "$HOME/reads"\n';
      const { vfs, dir } = await atHome(t, shell, {
        '.bash_profile': lines,
        '.profile': lines,
        '.zprofile': lines,
        '.zshrc': '',
        '.config/fish/config.fish': lines.replace('export FROM_LOGIN=', 'set -x FROM_LOGIN '),
        '.cshrc': 'setenv FROM_LOGIN two\necho read >> "$HOME/reads"\n',
      });
      const environment = async () => {
        const program = ['/bin/sh', '-c', 'umask; pwd; printf "%b" "\\0000"; exec env -0'];
        const ran = await run(vfs.processes, program, { cwd: dir, env: { MINE: 'a b' } });
        const all = ran.output.toString().split('\0');
        return all.filter((variable) => !/^(_|SHLVL|OLDPWD)=/.test(variable)).sort();
      };
      const alone = await environment();
      assert.ok(alone.some((variable) => variable.startsWith('FROM_LOGIN=two')));
      const together = await Promise.all(Array.from({ length: 30 }, environment));
      for (const each of together) assert.deepEqual(each, alone);
      assert.ok(readFileSync(path.join(dir, 'home/reads'), 'utf8').split('\n').length <= 4);
    });
  }

  it('whose startup files set a limit or end the shell does so for each program', async (t) => {
    const limited = await atHome(t, '/bin/bash', { '.bash_profile': 'ulimit -n 123\numask 027\n' });
    const { vfs: another } = await atHome(t, '/bin/bash', { '.bash_profile': 'exit 17\n' });
    for (let i = 0; i < 4; i++) {
      const ran = await run(limited.vfs.processes, ['/bin/sh', '-c', 'ulimit -n; umask']);
      assert.equal(ran.output.toString(), '123\n0027\n');
      assert.equal((await run(another.processes, ['true'])).code, 17);
    }
  });

  it('whose startup file ends the shell ends with it', async (t) => {
    const { vfs } = await atHome(t, '/bin/bash', { '.bash_profile': 'exit 17\n' });
    assert.equal((await run(vfs.processes, ['true'])).code, 17);
  });
});
