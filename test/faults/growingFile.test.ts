// A log that somebody writes to while it is read: what it held when the read began is read, as cp and scp would.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { connectVfs } from '../../src/client/connect';
import { openHost } from '../../src/ssh/host';
import { connected, scratch, type Setting } from '../client/support/hostAgent';
import { startSshd } from '../fixtures/sshd';

/** Appends a line to a file every few milliseconds, until the test ends. */
async function appender(t: TestContext, file: string): Promise<void> {
  const before = fs.statSync(file).size;
  const child = spawn('sh', ['-c', 'while :; do echo one more line; sleep 0.002; done >>"$0"', file]);
  t.after(() => child.kill('SIGKILL'));
  while (fs.statSync(file).size === before) await new Promise((resolve) => setTimeout(resolve, 5));
}

function logIn(dir: string, size: number): { readonly file: string; readonly content: Buffer } {
  const file = path.join(dir, 'log');
  const content = randomBytes(size);
  fs.writeFileSync(file, content);
  return { file, content };
}

for (const size of [1_500_000, 12_000_000]) {
  test(`a file of ${size} bytes that grows with every request of the read is read`, async (t) => {
    const { vfs, dir, link } = await connected(t);
    const { file, content } = logIn(dir, size);
    await vfs.stat(file);
    let grows = true;
    const growing = (wire: Setting['link']['wire']) => {
      wire.filter = ({ direction }) => {
        if (direction === 'up' && grows) fs.appendFileSync(file, 'one more line\n');
        return true;
      };
    };
    link.onWire = growing;
    growing(link.wire);
    const read = await vfs.readFile(file);
    assert.ok(read.subarray(0, size).equals(content));
    assert.ok(fs.readFileSync(file).subarray(0, read.length).equals(read));
    // What was read is kept as the beginning: the rest alone travels.
    grows = false;
    assert.ok((await vfs.readFile(file)).equals(fs.readFileSync(file)));
  });
}

test('a file that is written anew, and longer, while it is read is never read as a mixture', async (t) => {
  const { vfs, dir, link } = await connected(t);
  const { file } = logIn(dir, 7_500_000);
  await vfs.stat(file);
  const other = randomBytes(8_000_000);
  let answers = 0;
  link.wire.filter = ({ direction }) => {
    // In place, so that it stays the same file, which only seems to have grown.
    if (direction === 'down' && ++answers === 3) fs.writeFileSync(file, other, { flag: 'r+' });
    return true;
  };
  const read = await vfs.readFile(file);
  assert.ok(answers > 30, 'some parts were read before it, some after, and then all again');
  assert.ok(read.equals(other.subarray(0, read.length)));
});

test('over SFTP a large file that grows is read as well', async (t) => {
  const sshd = await startSshd({ settings: { ForceCommand: 'internal-sftp' } });
  t.after(() => sshd.dispose());
  sshd.addHost('sftp-only', { Port: `${sshd.port}` });
  const payload = {
    agent: { sha256: '0'.repeat(64), packed: () => Promise.reject(new Error('no agent')) },
    natives: new Map(),
  };
  const link = await openHost('sftp-only', { configFile: sshd.configFile, payload, graceS: 60 });
  assert.equal(link.rung, 'sftp');
  const vfs = await connectVfs(link);
  t.after(() => vfs.dispose());
  const { file, content } = logIn(scratch(t), 3_000_000);
  await appender(t, file);
  const read = await vfs.readFile(file);
  assert.ok(read.subarray(0, content.length).equals(content));
});
