import assert from 'node:assert/strict';
import { test } from 'node:test';
import './support/fakeVscode';
import { waysPastChangedKey } from '../../src/extension/open/changedKey';
import { ConnectError } from '../../src/ssh/connectError';

test('a changed host key offers the command of its sentence, and the file', async () => {
  const error = new ConnectError(
    'host-key-changed',
    "build shows the x, but y is on record (/h/known_hosts:1). If the new key is right, remove that line (ssh-keygen -R '[build]:2222' -f '/home/me/.ssh/known_hosts') and connect again",
  );
  assert.deepEqual(
    waysPastChangedKey(error).map(({ button }) => button),
    ['Copy Command', 'Open known_hosts'],
  );
});

test('other failures, and a name that would end its quotes, offer none', () => {
  assert.deepEqual(
    waysPastChangedKey(new ConnectError('authentication', "x (ssh-keygen -R 'a' -f 'b')")),
    [],
  );
  const odd = "x (ssh-keygen -R 'a'; touch /tmp/x; '' -f 'b')";
  assert.deepEqual(waysPastChangedKey(new ConnectError('host-key-changed', odd)), []);
});
