import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { describe, it } from 'node:test';
import { listening } from '../../src/agent/processes/ports';
import { loginOf } from '../../src/agent/processes/login';
import { connectVfs } from '../../src/client/connect';
import type { RemoteProcess } from '../../src/client/processes/processes';
import { run } from '../../src/client/processes/run';
import { textOf } from '../../src/protocol/names';
import { connected, eventually, WireLink } from '../client/support/hostAgent';
import { StdioAgent } from '../client/support/stdioAgent';
import { childrenOf, isAlive } from '../fixtures/processes';

const { SIGTERM } = constants.signals;

/** All that a stream carries, as it comes. */
function collected(stream: Readable): { text: string } {
  const kept = { text: '' };
  stream.on('data', (chunk: Buffer) => {
    kept.text += chunk.toString('latin1');
  });
  return kept;
}

describe('a process on pipes', () => {
  it('has its arguments as they are, a folder, its input, and two streams; its status comes back', async (t) => {
    const { vfs, dir } = await connected(t);
    const program = [
      '/bin/sh',
      '-c',
      'pwd; cat; printf "%s|" "$@" >&2; exit 7',
      'sh',
      'a b',
      "it's",
      '$HOME',
      '',
    ];
    const ran = await run(vfs.processes, program, { cwd: dir, input: 'given' });
    assert.deepEqual(
      { ...ran, output: ran.output.toString(), errors: ran.errors.toString() },
      { code: 7, signal: 0, output: `${dir}\ngiven`, errors: "a b|it's|$HOME||" },
    );
  });

  it('takes and gives bytes that are no text: arguments, variables, folder, input, output', async (t) => {
    const { vfs, dir } = await connected(t);
    const odd = Buffer.from([0x61, 0xff, 0x27, 0x80, 0x24, 0x0a, 0x0a]);
    mkdirSync(Buffer.concat([Buffer.from(`${dir}/`), odd]));
    const ran = await run(
      vfs.processes,
      ['/bin/sh', '-c', 'printf "%s\\0" "$1" "$ODD"; pwd -P; cat', 'sh', textOf(odd)],
      { cwd: `${dir}/${textOf(odd)}`, env: { ODD: textOf(odd) }, input: odd },
    );
    const nul = Buffer.from([0]);
    const folder = Buffer.concat([Buffer.from(`${dir}/`), odd, Buffer.from('\n')]);
    assert.deepEqual(ran.output, Buffer.concat([odd, nul, odd, nul, folder, odd]));
  });

  it('says why it was not started where its folder is none', async (t) => {
    const { vfs, dir } = await connected(t);
    writeFileSync(path.join(dir, 'file'), '');
    await assert.rejects(run(vfs.processes, ['true'], { cwd: `${dir}/none` }), { code: 'ENOENT' });
    await assert.rejects(run(vfs.processes, ['true'], { cwd: `${dir}/file` }), { code: 'ENOTDIR' });
    assert.equal((await run(vfs.processes, ['/no/such/program'])).code, 127);
  });

  it('is ended by a signal, and says which', async (t) => {
    const { vfs } = await connected(t);
    const process = await vfs.processes.start({ run: { program: ['sleep', '1000'] } });
    await process.signal(SIGTERM);
    assert.deepEqual(await process.ended, { code: 0, signal: SIGTERM });
    await assert.rejects(process.signal(SIGTERM), { code: 'ESRCH' });
  });

  it('has the environment of a login and nothing of the agent’s', async (t) => {
    process.env.LIVEMOUNT_SECRET_OF_THE_AGENT = 'x';
    t.after(() => delete process.env.LIVEMOUNT_SECRET_OF_THE_AGENT);
    const { vfs, agent } = await connected(t);
    const { output } = await run(vfs.processes, ['/usr/bin/env', '-0'], { env: { MINE: '1' } });
    const names = output
      .toString()
      .split('\0')
      .filter(Boolean)
      .map((line) => line.split('=')[0]);
    const login = loginOf({ LANG: 'C', SSH_AUTH_SOCK: 'x', LIVEMOUNT_SECRET_OF_THE_AGENT: 'x' });
    assert.deepEqual(
      Object.keys(login.env).filter((name) => name !== 'XDG_RUNTIME_DIR'),
      ['LANG', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'PATH', 'LIVEMOUNT'],
    );
    // Some are the shell's own, or its startup files'.
    const usual = new Set([...Object.keys(agent.login.env), 'PWD', 'OLDPWD', 'SHLVL', '_']);
    const more = names.filter((name) => !usual.has(name ?? ''));
    assert.deepEqual(more.sort(), ['MINE']);
  });

  it('has no descriptor, ignored signal or umask of the agent’s', async (t) => {
    process.umask(0o022);
    const { vfs } = await connected(t);
    const script =
      'umask; grep -E "SigIgn|SigBlk" /proc/self/status; ls /proc/self/fd | wc -l; ps -o sid= -p $$; echo $$';
    const { output } = await run(vfs.processes, ['/bin/sh', '-c', script]);
    const [umask, blocked, ignored, fds, session, pid] = output
      .toString()
      .split('\n')
      .map((line) => line.trim());
    assert.equal(umask, '0022');
    assert.match(`${blocked}${ignored}`, /^SigBlk:\s*0+SigIgn:\s*0+$/);
    // No more than what the test itself was started with leaves to anyone.
    assert.equal(
      fds,
      execFileSync('/bin/sh', ['-c', 'ls /proc/self/fd | wc -l'], { encoding: 'utf8' }).trim(),
    );
    assert.equal(session, pid);
  });

  it('reads and writes binary data, whatever the size', async (t) => {
    const { vfs } = await connected(t);
    const input = randomBytes(24 << 20);
    const { output } = await run(vfs.processes, ['cat'], { input, limit: 32 << 20 });
    assert.equal(hash(output), hash(input));
  });

  it('gives text in whole characters, and bytes that are no text as they are, wherever frames cut them', async (t) => {
    const { vfs, dir } = await connected(t);
    const file = path.join(dir, 'output');
    const text = 'é€😀a'.repeat(20_000);
    for (const bytes of [Buffer.from(text), randomBytes(200_001)]) {
      writeFileSync(file, bytes);
      // An odd window: every frame ends somewhere in a character sooner or later.
      for (const terminal of [undefined, { cols: 80, rows: 24 }]) {
        const program = ['sh', '-c', terminal === undefined ? 'cat "$1"' : 'stty raw; cat "$1"', 'sh', file];
        const process = await vfs.processes.start({
          run: { program },
          window: 1021,
          ...(terminal && { terminal }),
        });
        const chunks: Buffer[] = [];
        for await (const chunk of process.output as AsyncIterable<Buffer>) chunks.push(chunk);
        assert.equal(hash(Buffer.concat(chunks)), hash(bytes));
        assert.ok(chunks.length > 100, `${chunks.length} pieces`);
        const decoder = new StringDecoder('utf8');
        const decoded = chunks.map((chunk) => decoder.write(chunk)).join('') + decoder.end();
        assert.equal(decoded === text, bytes.equals(Buffer.from(text)));
      }
    }
  });

  it('waits in its write while nobody reads, and loses nothing then', async (t) => {
    const { vfs } = await connected(t);
    const process = await vfs.processes.start({ run: { program: ['seq', '2000000'] } });
    let quiet = 0;
    let before = -1;
    await eventually('it waits', () => {
      const written = Number(/wchar: (\d+)/.exec(readFileSync(`/proc/${process.pid}/io`, 'latin1'))?.[1]);
      quiet = written === before ? quiet + 1 : 0;
      before = written;
      return quiet > 40;
    });
    assert.ok(before < 8 << 20, `${before} bytes were written with nobody to read them`);
    const { text } = await whole(process);
    assert.equal(hash(Buffer.from(text)), hash(Buffer.from(numbers(1, 2_000_000))));
  });

  it('is not held up by input that nobody reads, nor holds up others', async (t) => {
    const { vfs } = await connected(t);
    const deaf = await vfs.processes.start({ run: { program: ['sleep', '1000'] } });
    deaf.input.write(Buffer.alloc(4 << 20));
    assert.equal((await run(vfs.processes, ['echo', 'quick'])).output.toString(), 'quick\n');
    deaf.dispose();
  });

  it('that closes its input early does not fail who writes', async (t) => {
    const { vfs } = await connected(t);
    const ran = await run(vfs.processes, ['head', '-c', '5'], { input: Buffer.alloc(8 << 20, 'x') });
    assert.deepEqual([ran.code, ran.output.toString()], [0, 'xxxxx']);
  });

  it('shares its session with a hundred others', async (t) => {
    const { vfs } = await connected(t);
    const all = await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        run(vfs.processes, ['sh', '-c', `read line; echo "$line ${i}"`], { input: 'hello\n' }),
      ),
    );
    assert.deepEqual(
      all.map(({ output }) => output.toString()),
      all.map((_, i) => `hello ${i}\n`),
    );
  });
});

describe('a dropped link', () => {
  it('loses no byte of a process and doubles none, in either direction, at 200 cuts', async (t) => {
    const { vfs, link } = await connected(t);
    const count = 150_000;
    const counting = await vfs.processes.start({ run: { program: ['cat'] }, window: 4 << 10 });
    const text = numbers(1, count);
    counting.input.end(text);
    let cuts = 0;
    let seen = 0;
    const chunks: string[] = [];
    for await (const chunk of counting.output as AsyncIterable<Buffer>) {
      chunks.push(chunk.toString('latin1'));
      seen += chunk.length;
      if (cuts < 200 && seen > (cuts * text.length) / 200) {
        cuts++;
        const wire = link.wire;
        wire.break();
        await eventually('connected again', () => vfs.state === 'connected' && link.wire !== wire);
      }
    }
    assert.deepEqual(await counting.ended, { code: 0, signal: 0 });
    assert.equal(cuts, 200);
    assert.equal(hash(Buffer.from(chunks.join(''))), hash(Buffer.from(text)));
  });

  it('does not start a process twice', async (t) => {
    const { vfs, link, dir } = await connected(t);
    const file = path.join(dir, 'starts');
    for (let i = 0; i < 20; i++) {
      const running = run(vfs.processes, ['sh', '-c', `echo ${i} >> ${file}`]);
      await new Promise((resolve) => setTimeout(resolve, i));
      link.wire.break();
      await running;
    }
    assert.equal(readFileSync(file, 'utf8'), Array.from({ length: 20 }, (_, i) => `${i}\n`).join(''));
  });

  it('to an agent that is gone ends what it ran, and says so', async (t) => {
    const { vfs, agent, link } = await connected(t);
    const process = await vfs.processes.start({ run: { program: ['sleep', '1000'] } });
    const ended = assert.rejects(process.ended, { code: 'ESTALE' });
    const { wire } = link;
    link.down = true;
    await agent.restart();
    link.down = false;
    wire.break();
    vfs.reconnect();
    await ended;
    assert.equal((await run(vfs.processes, ['echo', 'on'])).output.toString(), 'on\n');
  });
});

describe('the end of a session', () => {
  it('ends its processes with their groups, be it that they ignore the hangup, and leaves no zombie', async (t) => {
    const { vfs, agent, dir } = await connected(t);
    const file = path.join(dir, 'pids');
    const script = `trap "" HUP; sh -c 'trap "" HUP; echo $$ >> ${file}; while :; do sleep 1; done' & echo $$ >> ${file}; while :; do sleep 1; done`;
    await vfs.processes.start({ run: { program: ['sh', '-c', script] } });
    const polite = await vfs.processes.start({ run: { program: ['sleep', '1000'] } });
    const stopped = await vfs.processes.start({
      run: { program: ['sh', '-c', 'kill -STOP $$; sleep 1000'] },
    });
    await eventually('both are there', () => readText(file).split('\n').length === 3);
    const pids = [...readText(file).trim().split('\n').map(Number), polite.pid, stopped.pid];
    assert.ok(pids.every(isAlive));
    vfs.dispose();
    await eventually('all are gone', () => !pids.some(isAlive));
    await agent.close();
    assert.deepEqual(
      childrenOf(process.pid).filter((pid) => pids.includes(pid)),
      [],
    );
  });

  it('leaves a terminal that was to be kept for another one, with its screen', async (t) => {
    const { vfs, agent } = await connected(t);
    const first = await vfs.processes.start({
      run: { program: ['sh', '-c', 'echo before; read line; echo "got $line"; read line; exit 3'] },
      terminal: { cols: 80, rows: 24 },
      keep: true,
    });
    const seen = collected(first.output);
    first.input.write('one\n');
    await eventually('it answers', () => seen.text.includes('got one'));
    vfs.dispose();
    await eventually('the session is gone', () => agent.sessions === 0);
    assert.ok(isAlive(first.pid));

    const link = new WireLink(agent, false);
    const next = await connectVfs(link);
    t.after(() => next.dispose());
    const again = await next.processes.adopt(first.key, { history: 64 << 10 });
    assert.equal(again.pid, first.pid);
    const screen = collected(again.output);
    await eventually(
      'the screen is back',
      () => screen.text.includes('before') && screen.text.includes('got one'),
    );
    again.input.write('end\n');
    assert.deepEqual(await again.ended, { code: 3, signal: 0 });
    await assert.rejects(next.processes.adopt(first.key, { history: 0 }), { code: 'ENOENT' });
  });
});

describe('ports', () => {
  it('that the user’s own programs listen on are told, with who listens', async (t) => {
    const { vfs } = await connected(t);
    const script =
      'const s = require("net").createServer().listen(0, "127.0.0.1", () => console.log(s.address().port))';
    const server = await vfs.processes.start({ run: { program: [process.execPath, '-e', script] } });
    const printed = collected(server.output);
    await eventually('it listens', () => printed.text.endsWith('\n'));
    const found = (await vfs.processes.ports()).find(({ port }) => port === Number(printed.text));
    assert.deepEqual(found, {
      port: Number(printed.text),
      address: '127.0.0.1',
      pid: server.pid,
      command: 'node',
    });
    server.dispose();
  });

  it('are read from the kernel’s tables as they stand', () => {
    const table = [
      '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
      '   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12345 1 0 100 0 0 10 0',
      '   1: 0100007F:1F91 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 12346 1 0 100 0 0 10 0',
      '   2: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 7 1',
    ].join('\n');
    assert.deepEqual(
      [...listening(table)],
      [
        ['12345', { port: 8080, address: '127.0.0.1' }],
        ['7', { port: 80, address: '::1' }],
      ],
    );
  });
});

describe('bounds', () => {
  it('let no session have more than 256 processes', async (t) => {
    const { vfs } = await connected(t);
    const all: RemoteProcess[] = [];
    for (let i = 0; i < 256; i++)
      all.push(await vfs.processes.start({ run: { program: ['sleep', '1000'] } }));
    await assert.rejects(vfs.processes.start({ run: { program: ['true'] } }), { code: 'EAGAIN' });
    all.pop()?.dispose();
    await run(vfs.processes, ['true']);
    for (const process of all) process.dispose();
  });

  it('are those of the daemon: an agent on standard input and output runs nothing', async (t) => {
    const link = new StdioAgent();
    const vfs = await connectVfs(link);
    t.after(() => vfs.dispose());
    await assert.rejects(run(vfs.processes, ['true']), { code: 'ENOSYS' });
    await assert.rejects(vfs.processes.ports(), { code: 'ENOSYS' });
  });
});

async function whole(process: RemoteProcess): Promise<{ text: string }> {
  const kept = collected(process.output);
  await process.ended;
  if (!process.output.readableEnded) await new Promise((resolve) => process.output.once('end', resolve));
  return kept;
}

function numbers(from: number, to: number): string {
  const lines: string[] = [];
  for (let i = from; i <= to; i++) lines.push(`${i}\n`);
  return lines.join('');
}

function hash(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
