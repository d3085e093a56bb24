import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { connectHost } from '../../src/ssh/connectHost';
import { ConnectError } from '../../src/ssh/connectError';
import { makeKey, startSshd } from '../fixtures/sshd';
import { startAgent } from './agents';

for (const transportKind of ['builtin', 'system'] as const) {
  test(`${transportKind}: a key that only the agent holds lets us in`, async (t) => {
    const sshd = await startSshd();
    t.after(() => sshd.dispose());
    const socket = await startAgent(t, sshd.directory, [sshd.identityFile]);
    sshd.addHost('by-agent', { IdentityFile: 'none', IdentitiesOnly: 'no', IdentityAgent: socket });
    const { transport } = await connectHost('by-agent', { configFile: sshd.configFile, transportKind });
    transport.dispose();
    assert.match(sshd.log(), /Accepted publickey/);
  });

  test(`${transportKind}: with IdentitiesOnly the agent offers configured keys alone`, async (t) => {
    const sshd = await startSshd();
    t.after(() => sshd.dispose());
    const other = makeKey(join(sshd.directory, 'other'), 'ed25519');
    const socket = await startAgent(t, sshd.directory, [sshd.identityFile]);
    sshd.addHost('only', { IdentityFile: other, IdentitiesOnly: 'yes', IdentityAgent: socket });
    await assert.rejects(
      connectHost('only', { configFile: sshd.configFile, transportKind }),
      (error: unknown) => error instanceof ConnectError && error.failure === 'authentication',
    );
  });
}

test('a configured key is offered first, so that a full agent does not use up the tries', async (t) => {
  const sshd = await startSshd({ settings: { MaxAuthTries: '2' } });
  t.after(() => sshd.dispose());
  const others = [1, 2, 3, 4].map((number) => makeKey(join(sshd.directory, `other${number}`), 'ed25519'));
  const socket = await startAgent(t, sshd.directory, [...others, sshd.identityFile]);
  sshd.addHost('crowded', { IdentitiesOnly: 'no', IdentityAgent: socket });
  const { transport } = await connectHost('crowded', {
    configFile: sshd.configFile,
    transportKind: 'builtin',
  });
  transport.dispose();
});

test('an agent that is gone is passed over for the key file', async (t) => {
  const sshd = await startSshd();
  t.after(() => sshd.dispose());
  writeFileSync(join(sshd.directory, 'no-socket'), '');
  sshd.addHost('gone', { IdentityAgent: join(sshd.directory, 'no-socket') });
  const { transport } = await connectHost('gone', { configFile: sshd.configFile, transportKind: 'builtin' });
  transport.dispose();
});
