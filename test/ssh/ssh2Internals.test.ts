// What is used of ssh2 beyond what it promises: each test fails where that is gone or means something else.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Duplex, PassThrough } from 'node:stream';
import { type TestContext, test } from 'node:test';
import type { Client, ClientChannel, SFTPWrapper } from 'ssh2';
import {
  CHANNEL_WINDOW,
  carriedSftp,
  keepAliveOnData,
  nextEntries,
  SSH2_WINDOW,
  widenWindow,
} from '../../src/ssh/transport/ssh2Internals';
import { startSshd } from '../fixtures/sshd';
import { clientOf } from './connectTo';

/** A client of a real server, and a command on it. */
async function running(t: TestContext, command: string): Promise<{ client: Client; channel: ClientChannel }> {
  const sshd = await startSshd();
  t.after(() => sshd.dispose());
  const client = await clientOf({
    port: sshd.port,
    username: sshd.user,
    privateKey: readFileSync(sshd.identityFile),
    // Its clock is what `keepAliveOnData` sets back.
    keepaliveInterval: 3_600_000,
  });
  t.after(() => client.destroy());
  const channel = await new Promise<ClientChannel>((resolve, reject) => {
    client.exec(command, (error, opened) => (error ? reject(error) : resolve(opened)));
  });
  return { client, channel };
}

test('package.json names one version of ssh2, and that is installed', () => {
  const read = (path: string) =>
    JSON.parse(readFileSync(join(__dirname, '../..', path), 'utf8')) as Record<string, unknown>;
  const { devDependencies } = read('package.json') as { devDependencies: Record<string, string> };
  const { version } = read('node_modules/ssh2/package.json');
  assert.equal(devDependencies.ssh2, version);
});

test('a channel takes as much unread data as its widened window', async (t) => {
  const { channel } = await running(t, 'cat /dev/zero');
  const internals = channel as unknown as { incoming: { window: number } };
  assert.equal(internals.incoming.window, SSH2_WINDOW);
  widenWindow(channel);
  channel.pause();
  // Nobody reads: the host sends what it may, and stops.
  let seen = Number.POSITIVE_INFINITY;
  while (internals.incoming.window < seen || seen > 0) {
    seen = internals.incoming.window;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  // One byte less where it passed by zero (see `widenWindow`).
  const taken = SSH2_WINDOW - seen;
  assert.ok(taken === CHANNEL_WINDOW || taken === CHANNEL_WINDOW - 1, `${taken} bytes`);
});

test('bytes that arrive count as a sign of life', async (t) => {
  const { client } = await running(t, 'cat');
  const internals = client as unknown as { _resetKA?: () => void };
  assert.equal(typeof internals._resetKA, 'function');
  let signs = 0;
  internals._resetKA = () => void signs++;
  const stream = new PassThrough();
  let now = 0;
  t.mock.method(performance, 'now', () => now);
  keepAliveOnData(client, stream);
  for (const at of [500, 1500, 1600, 3000]) {
    now = at;
    stream.write('x');
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(signs, 2);
});

test('an open directory is read one answer at a time', async (t) => {
  const { client } = await running(t, 'cat');
  const sftp = await new Promise<SFTPWrapper>((resolve, reject) => {
    client.sftp((error, opened) => (error ? reject(error) : resolve(opened)));
  });
  const handle = await new Promise<Buffer>((resolve, reject) => {
    sftp.opendir(__dirname, (error, opened) => (error ? reject(error) : resolve(opened)));
  });
  const names: string[] = [];
  for (
    let batch = await nextEntries(sftp, handle);
    batch !== undefined;
    batch = await nextEntries(sftp, handle)
  )
    names.push(...batch.map(({ filename }) => filename));
  assert.ok(names.includes('.') && names.includes('ssh2Internals.test.ts'), names.join());
});

test('SFTP is spoken over any stream', async () => {
  const sent: Buffer[] = [];
  let closes = 0;
  const sftp = carriedSftp(
    (packet) => sent.push(packet),
    () => closes++,
  );
  sftp._init();
  // SSH_FXP_INIT, version 3.
  assert.deepEqual(Buffer.concat(sent), Buffer.of(0, 0, 0, 5, 1, 0, 0, 0, 3));
  const ready = once(sftp, 'ready');
  sftp.push(Buffer.of(0, 0, 0, 5, 2, 0, 0, 0, 3));
  await ready;
  sftp.end();
  assert.equal(closes, 1);
});

test('a server that speaks no SFTP ends the channel and nothing else', async () => {
  const { sftpOverStream } = await import('../../src/ssh/transport/sftpOverStream');
  const answers = new PassThrough();
  const stream = Duplex.from({ readable: answers, writable: new PassThrough().resume() });
  const opening = sftpOverStream(stream);
  answers.write('Welcome to this host!\nPlease run a command.\n'.repeat(100));
  answers.end();
  await assert.rejects(opening, /offers no SFTP/);
});
