import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commandOfHelper, isMountHelper } from '../../src/cli/mountHelper';
import { UsageError } from '../../src/cli/usageError';

test('a line of fstab becomes the command that mounts it', () => {
  assert.equal(isMountHelper('/sbin/mount.livemount'), true);
  assert.equal(isMountHelper('/usr/bin/livemount'), false);
  const options = 'ro,_netdev,x-systemd.automount,nosuid,timeout=5,uid_map,ssh_config=/root/a=b';
  assert.deepEqual(commandOfHelper(['build:/srv', '/mnt/srv', '-n', '-v', '-o', options]), [
    'mount',
    '--verbose',
    '--read-only',
    '--timeout',
    '5',
    '--uid-map',
    '--ssh-config',
    '/root/a=b',
    'build:/srv',
    '/mnt/srv',
  ]);
  assert.deepEqual(commandOfHelper(['build:/srv', '/mnt/srv', '-o', 'rw']), [
    'mount',
    'build:/srv',
    '/mnt/srv',
  ]);
  assert.equal(commandOfHelper(['build:/srv', '/mnt/srv', '-f']), undefined);
});

test('an option that nobody knows is not passed over', () => {
  assert.throws(() => commandOfHelper(['a:/b', '/c', '-o', 'ro,allow_everybody']), UsageError);
  assert.throws(() => commandOfHelper(['a:/b']), UsageError);
});
