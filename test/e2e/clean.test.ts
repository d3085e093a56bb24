// Removing what Livemount keeps on a host, as a user of its own: what others of this machine use stays.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, chownSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { makeAccount } from '../fixtures/accounts';
import { eventually } from './eventually';
import { startHost } from './host';

test('clean says what lies on the host, removes it when it is told to, and leaves what is not ours', async (t) => {
  const account = makeAccount('livemount-clean', '/bin/sh');
  t.after(() => account.dispose());
  const cacheHome = path.join(account.home, 'cache');
  const host = await startHost({
    user: account.name,
    settings: { SetEnv: `XDG_CACHE_HOME=${cacheHome}` },
  });
  t.after(() => host.dispose());
  const { cli } = host;
  const nothing = await cli.run(['clean', host.sshd.host]);
  assert.deepEqual(
    [nothing.code, nothing.stdout.toString()],
    [0, `${host.sshd.host}: nothing of Livemount is there\n`],
  );

  assert.equal((await cli.run(['ls', cli.at('/')])).code, 0);
  const cache = path.join(cacheHome, 'livemount');
  const sockets = `/tmp/livemount-${account.uid}`;
  const [daemon] = cli.daemons();
  const unasked = await cli.run(['clean', host.sshd.host]);
  assert.equal(unasked.code, 1);
  assert.match(unasked.stdout.toString(), new RegExp(`${cache}: [\\d.]+ MB\n`));
  assert.match(unasked.stdout.toString(), new RegExp(`${sockets}: [\\d.]+ k?B\n`));
  assert.match(unasked.stdout.toString(), /agents that run: 1;/);
  assert.match(unasked.stderr, /no terminal to ask on. -y/);
  assert.ok(existsSync(`/proc/${daemon}`), 'nothing was done');

  // What others put into our folder, or a folder of theirs in the place of a version of ours.
  writeFileSync(path.join(cache, 'mine'), 'mine');
  const strange = path.join(cache, 'f'.repeat(32));
  mkdirSync(strange);
  chownSync(strange, account.uid, account.uid);
  writeFileSync(path.join(strange, 'thesis.txt'), 'years of work');
  const done = await cli.run(['clean', '-y', host.sshd.host]);
  assert.equal(done.code, 0, done.stderr);
  assert.match(done.stderr, /livemount: something else lies in it; it stays/);
  assert.deepEqual(readdirSync(cache).sort(), ['f'.repeat(32), 'mine']);
  assert.deepEqual(readdirSync(strange), ['thesis.txt']);
  assert.equal(existsSync(sockets), false);
  await eventually('the agent ended', () => !existsSync(`/proc/${daemon}`));
  assert.equal((await cli.run(['ls', cli.at('/')])).code, 0, 'the next connection brings what it needs');
});
