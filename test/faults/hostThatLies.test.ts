// A host may answer anything: whatever comes, an attempt ends with a reason, and what is kept of it has a bound.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex, PassThrough } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { type Attributes, type FileEntry, Server, type SFTPWrapper } from 'ssh2';
import { ErrnoError } from '../../src/protocol/errno';
import { bootstrap, bootstrapAsRoot } from '../../src/ssh/agent/bootstrap';
import type { AgentPayload } from '../../src/ssh/agent/payload';
import { SftpHostFs } from '../../src/ssh/sftp/sftpHostFs';
import { SftpMounts } from '../../src/ssh/sftp/sftpMounts';
import type { ExecChannel, SshTransport } from '../../src/ssh/transport/transport';
import { makeKey } from '../fixtures/sshd';
import { clientOf } from '../ssh/connectTo';

const payload: AgentPayload = {
  agent: { sha256: '0'.repeat(64), packed: async () => Buffer.from('agent') },
  natives: new Map([
    ['linux-x64-glibc', { sha256: '1'.repeat(64), packed: async () => Buffer.from('native') }],
  ]),
};

/** A host that answers the launch command with this text, in which MARKER stands for the marker of the command. */
function hostThatSays(text: string | Buffer, chunk = 1 << 20): SshTransport {
  const unused = () => Promise.reject(new Error('not asked for'));
  return {
    async exec(command): Promise<ExecChannel> {
      const [, first = '', second = ''] = /m=([0-9a-f]+);k=([0-9a-f]+)/.exec(command) ?? [];
      const said =
        typeof text === 'string'
          ? Buffer.from(text.replaceAll('MARKER', `${first}${second}`))
          : Buffer.concat([Buffer.from(`${first}${second} `), text]);
      const out = new PassThrough();
      const stream = Duplex.from({ readable: out, writable: new PassThrough().resume() });
      stream.on('error', () => {});
      for (let at = 0; at < said.length; at += chunk) out.write(said.subarray(at, at + chunk));
      out.end();
      return {
        stream,
        stderr: new PassThrough().end('words of the host\n'),
        exit: Promise.resolve({ code: 1 }),
      };
    },
    openStreamLocal: unused,
    openTcp: unused,
    sftp: unused,
    onClose: () => ({ dispose() {} }),
    dispose() {},
  };
}

const READY = {
  pid: 7,
  cookie: 'c'.repeat(32),
  bootId: 'b',
  socketPath: '/tmp/livemount-0/x.sock',
  runtime: '/usr/bin/node',
};

/** Fails with a reason that can be acted on; an error of the program itself is none. */
async function endsWithReason(starting: Promise<unknown>, what: string): Promise<void> {
  const error: unknown = await starting.then(
    () => assert.fail(`${what}: taken for an agent`),
    (reason) => reason,
  );
  assert.ok(error instanceof ErrnoError, `${what}: ${String(error)}`);
  assert.ok(error.message.length < 20_000, `${what}: ${error.message.length} characters`);
}

test('a good answer starts the agent', async () => {
  const { daemon } = await bootstrap(hostThatSays(`noise\nMARKER ready ${JSON.stringify(READY)}\n`), payload);
  assert.deepEqual(daemon, READY);
});

test('an answer that cannot be ends the start with a reason', async () => {
  const answers = [
    'MARKER ready',
    'MARKER ready null',
    'MARKER ready 7',
    'MARKER ready []',
    'MARKER ready {}',
    ...Object.keys(READY).map((key) => `MARKER ready ${JSON.stringify({ ...READY, [key]: null })}`),
    ...Object.keys(READY).map((key) => `MARKER ready ${JSON.stringify({ ...READY, [key]: {} })}`),
    `MARKER ready ${JSON.stringify({ ...READY, socketPath: 'relative' })}`,
    `MARKER ready ${JSON.stringify({ ...READY, socketPath: '/a\0b' })}`,
    `MARKER ready ${JSON.stringify({ ...READY, runtime: 'x'.repeat(60_000) })}`,
    `MARKER ready ${' '.repeat(100_000)}`,
    'MARKER need {}',
    'MARKER need {"node":"18","kind":"__proto__","parts":["native"]}',
    'MARKER need {"node":"18","kind":"linux-x64-glibc","parts":"agent"}',
    'MARKER need {"node":"18","kind":"linux-x64-glibc","parts":[{}]}',
    `MARKER need ${JSON.stringify({ node: '', kind: 'linux-x64-glibc', parts: Array(1000).fill('agent') })}`,
    'MARKER need {"node":"18","kind":"x","parts":["agent"]}\n'.repeat(50),
    'MARKER password {}',
    'MARKER password {"attempt":-1}',
    'MARKER refused {}',
    'MARKER refused null',
    'MARKER failed {}',
    'MARKER failed {"tried":7}',
    'MARKER failed {"tried":[null]}',
    'MARKER failed {"tried":[{"folder":{},"code":"","message":""}]}',
    `MARKER failed ${JSON.stringify({ tried: Array(500).fill({ folder: 'f', code: '__proto__', message: 'm' }) })}`,
    'MARKER no-runtime',
    'MARKER no-runtime old= os=\u001b]0;x',
    'MARKER __proto__ {}',
    `MARKER ${'x'.repeat(60_000)}`,
    'MARKER',
    '',
    'MARKE',
    `${'noise'.repeat(100_000)}\n`,
  ];
  for (const answer of answers) {
    await endsWithReason(bootstrap(hostThatSays(`${answer}\n`), payload), answer.slice(0, 80));
    // What `ready` says of a daemon is not read for root's.
    if (answer.startsWith('MARKER ready')) continue;
    await endsWithReason(
      bootstrapAsRoot(hostThatSays(`${answer}\n`), payload, async () => 'x'),
      answer.slice(0, 80),
    );
  }
});

test('sudo that never stops asking is not answered for ever', async () => {
  let questions = 0;
  const asking = hostThatSays(
    Array.from({ length: 1000 }, (_, i) => `MARKER password {"attempt":${i + 1}}\n`).join(''),
  );
  await endsWithReason(
    bootstrapAsRoot(asking, payload, async () => {
      questions++;
      return 'x';
    }),
    'password',
  );
  assert.ok(questions <= 20, `${questions} questions`);
});

/** xorshift32: the same answers for the same seed. */
function random(seed: number): (below: number) => number {
  let state = seed | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

test('mutations of every answer are taken for what they are', async () => {
  const seed = Number(process.env.LIVEMOUNT_SEED ?? Math.trunc(Math.random() * 2 ** 31));
  console.log(`seed ${seed}`);
  const next = random(seed);
  const seeds = [
    `ready ${JSON.stringify(READY)}`,
    'need {"node":"18.0.0","kind":"linux-x64-glibc","parts":["agent","native"]}',
    'failed {"tried":[{"folder":"/tmp","code":"ENOSPC","message":"no space"}]}',
    'password {"attempt":1}',
    'refused {"message":"no"}',
    'no-runtime os=Linux arch=x86_64 libc=glibc old= /usr/bin/node=v10.0.0',
  ];
  for (let round = 0; round < 2000; round++) {
    const bytes = Buffer.from(`${seeds[next(seeds.length)]}\n`);
    for (let change = next(4); change >= 0; change--) bytes[next(bytes.length)] = next(256);
    const cut = next(3) === 0 ? bytes.subarray(0, next(bytes.length)) : bytes;
    const starting = bootstrapAsRoot(hostThatSays(cut, 1 + next(64)), payload, async () => 'x');
    const ending: unknown = await starting.then(
      (channel) => channel,
      (error) => error,
    );
    // `ready` may stand: what it says of a daemon is not read for root's.
    assert.ok(
      ending instanceof ErrnoError || ending instanceof Duplex,
      `seed ${seed}: ${cut.toString('latin1')}`,
    );
  }
});

type Answer = Partial<
  Record<'READDIR' | 'FSTAT' | 'LSTAT' | 'READ', (sftp: SFTPServerSide, id: number) => void>
>;
/** What ssh2 gives a server's side of SFTP. */
type SFTPServerSide = SFTPWrapper & {
  handle(id: number, handle: Buffer): void;
  status(id: number, code: number): void;
  name(id: number, names: Partial<FileEntry>[]): void;
  attrs(id: number, attrs: Partial<Attributes>): void;
  data(id: number, data: Buffer): void;
};

const FILE = { mode: 0o100644, size: 5, uid: 0, gid: 0, atime: 0, mtime: 0 };

/** A host whose SFTP server answers like this. */
async function lyingHost(t: TestContext, answers: Answer): Promise<{ host: SftpHostFs; logged: string[] }> {
  const place = mkdtempSync(join(tmpdir(), 'livemount-lies-'));
  t.after(() => rmSync(place, { recursive: true, force: true }));
  const key = readFileSync(makeKey(join(place, 'host'), 'ed25519'));
  const server = new Server({ hostKeys: [key] }, (connection) => {
    connection.on('error', () => {});
    connection.on('authentication', (login) => login.accept());
    connection.on('ready', () =>
      connection.on('session', (accept) => {
        accept().on('sftp', (acceptSftp) => {
          const sftp = acceptSftp() as unknown as SFTPServerSide;
          const on = sftp.on.bind(sftp) as (event: string, listener: (id: number) => void) => void;
          for (const event of ['OPEN', 'OPENDIR']) on(event, (id) => sftp.handle(id, Buffer.from('h')));
          on('CLOSE', (id) => sftp.status(id, 0));
          for (const [event, answer] of Object.entries({
            LSTAT: (_: SFTPServerSide, id: number) => sftp.attrs(id, FILE),
            FSTAT: (_: SFTPServerSide, id: number) => sftp.attrs(id, FILE),
            ...answers,
          }))
            on(event, (id) => answer(sftp, id));
        });
      }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const client = await clientOf({ port, username: 'x', password: 'x' });
  t.after(() => client.destroy());
  const logged: string[] = [];
  const open = () =>
    new Promise<SFTPWrapper>((resolve, reject) =>
      client.sftp((error, sftp) => (error ? reject(error) : resolve(sftp))),
    );
  const host = new SftpHostFs(open, new SftpMounts('test'), (line) => logged.push(line));
  return { host, logged };
}

const DIRECTORY = { ...FILE, mode: 0o040755 };

test('a listing that does not come to an end is given up with a reason', async (t) => {
  for (const [what, names] of [
    ['nothing new', () => []],
    ['the same again', () => ['a', 'b', 'c', 'd']],
  ] as const) {
    let answers = 0;
    const { host } = await lyingHost(t, {
      LSTAT: (sftp, id) => sftp.attrs(id, DIRECTORY),
      READDIR: (sftp, id) => {
        answers++;
        sftp.name(
          id,
          names().map((filename) => ({ filename, longname: '', attrs: FILE as Attributes })),
        );
      },
    });
    const directory = await host.open({ path: Buffer.from('/endless') }, 0);
    await assert.rejects(
      async () => directory.list(),
      (error: unknown) => error instanceof ErrnoError && error.code === 'EIO' && /end/.test(error.message),
      what,
    );
    assert.ok(answers < 20, `${answers} answers`);
  }
});

test('names that no file can have are left out of a listing, and it is said', async (t) => {
  const batches = [['good', '', '.', '..', 'a/b', '/etc/passwd', '../up', 'nul\0', 'also good'], undefined];
  const { host, logged } = await lyingHost(t, {
    LSTAT: (sftp, id) => sftp.attrs(id, DIRECTORY),
    READDIR: (sftp, id) => {
      const batch = batches.shift();
      if (batch === undefined) sftp.status(id, 1);
      else
        sftp.name(
          id,
          batch.map((filename) => ({ filename, longname: '', attrs: {} as Attributes })),
        );
    },
  });
  const directory = await host.open({ path: Buffer.from('/folder') }, 0);
  const entries = await directory.list();
  assert.deepEqual(
    entries.map(({ name }) => name.toString()),
    ['good', 'also good'],
  );
  assert.match(logged.join(), /5 names/);
});

test('a file has no more content than it has bytes', async (t) => {
  const { host } = await lyingHost(t, { READ: (sftp, id) => sftp.data(id, Buffer.alloc(32 << 10, 'x')) });
  const file = await host.open({ path: Buffer.from('/endless') }, 0);
  const into = Buffer.alloc(1 << 20);
  assert.equal(await file.read(into, 0n), 5);
  assert.equal(await file.read(into, 5n), 0);
  assert.equal(await file.read(into, 1n << 30n), 0);
});

test('a file that says it is empty is read to a bound', async (t) => {
  const empty = { ...FILE, size: 0 };
  const { host } = await lyingHost(t, {
    LSTAT: (sftp, id) => sftp.attrs(id, empty),
    FSTAT: (sftp, id) => sftp.attrs(id, empty),
    READ: (sftp, id) => sftp.data(id, Buffer.alloc(32 << 10, 'x')),
  });
  const file = await host.open({ path: Buffer.from('/proc/endless') }, 0);
  const into = Buffer.alloc(64 << 10);
  assert.equal(await file.read(into, 0n), into.length);
  assert.equal(await file.read(into, 1n << 30n), 0);
});
