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
