import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseLocation, parseLocationOrHost, parsePair } from '../../src/cli/location';
import { UsageError } from '../../src/cli/usageError';

for (const [text, target, path] of [
  ['box:/srv', { host: 'box' }, '/srv'],
  ['me@box:2222:/srv/a b', { host: 'box', user: 'me', port: 2222 }, '/srv/a b'],
  ['[::1]:/srv', { host: '::1' }, '/srv'],
  ['[::1]:2222:/srv', { host: '::1', port: 2222 }, '/srv'],
  ['me@[fe80::1%eth0]:22:/', { host: 'fe80::1%eth0', user: 'me', port: 22 }, '/'],
  ['::1:/srv', { host: '::1' }, '/srv'],
  ['a@corp@box:/srv', { host: 'box', user: 'a@corp' }, '/srv'],
  ['box:/a/../b//c/./', { host: 'box' }, '/b/c'],
  ['box:/a:/b', { host: 'box' }, '/a:/b'],
] as const) {
  test(`${text} is read`, () => assert.deepEqual(parseLocation(text), { target, path }));
}

for (const text of [
  '',
  'box',
  'box:',
  'box:relative',
  ':/srv',
  '/srv',
  '-oProxyCommand=x:/srv',
  'a b:/srv',
  'box:0:/x',
]) {
  test(`${JSON.stringify(text)} is no place on a host`, () =>
    assert.throws(() => parseLocation(text), UsageError));
}

test('a host alone stands for its root', () => {
  assert.deepEqual(parseLocationOrHost('me@box'), { target: { host: 'box', user: 'me' }, path: '/' });
  assert.deepEqual(parseLocationOrHost('box:'), { target: { host: 'box' }, path: '/' });
  assert.deepEqual(parseLocationOrHost('box:/mnt'), { target: { host: 'box' }, path: '/mnt' });
});

test('the second place of a pair may leave out the host, and must not name another one', () => {
  assert.equal(parsePair('box:/a', '/b').to, '/b');
  assert.equal(parsePair('box:/a', 'box:/b').to, '/b');
  assert.throws(() => parsePair('box:/a', 'other:/b'), UsageError);
  assert.throws(() => parsePair('box:/a', 'b'), UsageError);
});
