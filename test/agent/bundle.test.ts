import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test, type TestContext } from 'node:test';
import { libcFlavour } from '../../src/agent/libc/native';
import { NO_NODE, ROOT_ID, type Unique } from '../../src/protocol/brand';
import { FrameReader } from '../../src/protocol/frame';
import { FUSE_MAJOR, FUSE_MINOR } from '../../src/protocol/fuse';
import { decodeReply, decodeReplyBody, encodeRequest } from '../../src/protocol/message';

const DIST = resolve(__dirname, '../../dist');

/** A folder with nothing but what a host is given. */
function hostFolder(t: TestContext): string {
  const folder = fs.mkdtempSync(join(tmpdir(), 'livemount-agent-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  fs.copyFileSync(join(DIST, 'agent.js'), join(folder, 'agent.js'));
  const kind = `${process.platform}-${process.arch}-${libcFlavour()}`;
  fs.copyFileSync(join(DIST, 'native', kind, 'koffi.node'), join(folder, 'koffi.node'));
  return folder;
}

/** Feeds bytes to `agent.js serve --stdio` and gives what it said when it ended. */
async function serve(folder: string, input: readonly Buffer[], endInput: boolean) {
  const agent = spawn(process.execPath, ['agent.js', 'serve', '--stdio', '--root', folder], { cwd: folder });
  const [out, err]: [Buffer[], Buffer[]] = [[], []];
  agent.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  agent.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  agent.stdin.on('error', () => {}); // it may end before it has read everything
  for (const bytes of input) agent.stdin.write(bytes);
  if (endInput) agent.stdin.end();
  const [code] = (await once(agent, 'close')) as [number | null];
  const replies = [...new FrameReader('replies', 1 << 21).push(Buffer.concat(out))].map(decodeReply);
  return { code, replies, complaint: Buffer.concat(err).toString() };
}

const init = encodeRequest('INIT', 2n as Unique, NO_NODE, {
  major: FUSE_MAJOR,
  minor: FUSE_MINOR,
  max_readahead: 1 << 20,
  flags: 0,
  flags2: 0,
  lm_magic: 0,
  lm_version: 0,
  lm_features: 0,
});

test('the agent runs from a folder with only agent.js and koffi.node in it', async (t) => {
  const folder = hostFolder(t);
  const lookup = encodeRequest('LOOKUP', 4n as Unique, ROOT_ID, undefined, [Buffer.from('agent.js')]);
  const { code, replies, complaint } = await serve(folder, [init, lookup], true);
  assert.deepEqual([code, complaint], [0, '']);
  assert.deepEqual(
    replies.map((reply) => [reply.unique, reply.error]),
    [
      [2n, 0],
      [4n, 0],
    ],
  );
  const entry = decodeReplyBody('LOOKUP', replies[1]?.body ?? Buffer.alloc(0));
  assert.equal(entry.attr.size, BigInt(fs.statSync(join(folder, 'agent.js')).size));
});

test('bytes that are no FUSE end it with one line and exit code 2', async (t) => {
  const folder = hostFolder(t);
  const inputs: readonly (readonly Buffer[])[] = [
    [Buffer.from('GET / HTTP/1.1\r\n\r\n'.padEnd(64))],
    [Buffer.alloc(64)],
    [Buffer.alloc(64, 0xff)],
    [init, init.subarray(0, 20), Buffer.alloc(200, 0xee)],
  ];
  for (const input of inputs) {
    const { code, complaint } = await serve(folder, input, false);
    assert.equal(code, 2);
    assert.match(complaint, /^livemount agent: [^\n]+\n$/);
  }
});

test('a stream that ends in the middle of a frame is exit code 2 as well', async (t) => {
  const { code } = await serve(hostFolder(t), [init, init.subarray(0, 50)], true);
  assert.equal(code, 2);
});

test('without koffi.node it says what is missing', async (t) => {
  const folder = hostFolder(t);
  fs.rmSync(join(folder, 'koffi.node'));
  const { code, complaint } = await serve(folder, [init], true);
  assert.equal(code, 1);
  assert.match(complaint, /^livemount agent: .*koffi\.node[^\n]*\n$/);
});

test('it takes what a client sends faster than it can do it, large and small, each in its place', async (t) => {
  const folder = hostFolder(t);
  const agent = spawn(process.execPath, ['agent.js', 'serve', '--stdio', '--root', folder], { cwd: folder });
  const reader = new FrameReader('replies', 1 << 21);
  const waiting = new Map<bigint, (body: Buffer) => void>();
  agent.stdout.on('data', (chunk: Buffer) => {
    for (const frame of reader.push(chunk)) {
      const { unique, error, body } = decodeReply(frame);
      assert.equal(error, 0);
      waiting.get(unique)?.(Buffer.from(body));
      waiting.delete(unique);
    }
  });
  let last = 2n;
  const ask = (encode: (unique: Unique) => Buffer) => {
    last += 2n;
    const unique = last as Unique;
    return new Promise<Buffer>((resolve) => {
      waiting.set(unique, resolve);
      agent.stdin.write(encode(unique));
    });
  };
  agent.stdin.write(init);
  const flags = fs.constants.O_RDWR;
  const made = await ask((unique) =>
    encodeRequest('CREATE', unique, ROOT_ID, { flags, mode: 0o600, umask: 0, open_flags: 0 }, [
      Buffer.from('file'),
    ]),
  );
  const { entry, open } = decodeReplyBody('CREATE', made);
  const pieces = [70_000, 10, 131_072, 100_000, 1, 65_536, 131_072, 4096].map((size, i) =>
    Buffer.alloc(size, `piece ${i} `),
  );
  const answers: Promise<unknown>[] = [];
  let offset = 0n;
  for (const data of pieces) {
    const fixed = { fh: open.fh, offset, size: data.length, write_flags: 0, lock_owner: 0n, flags };
    answers.push(ask((unique) => encodeRequest('WRITE', unique, entry.nodeid, fixed, [], data)));
    offset += BigInt(data.length);
    // Each takes a thread: more than may be under way at once.
    for (let i = 0; i < 300; i++) {
      const sync = { fh: open.fh, fsync_flags: 1 };
      answers.push(ask((unique) => encodeRequest('FSYNC', unique, entry.nodeid, sync)));
    }
  }
  await Promise.all(answers);
  assert.ok(fs.readFileSync(join(folder, 'file')).equals(Buffer.concat(pieces)));
  agent.stdin.end();
  assert.deepEqual(await once(agent, 'close'), [0, null]);
});
