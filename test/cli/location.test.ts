import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  isPlace,
  parseLocation,
  parseLocationOrHost,
  parseOnOneHost,
  resolved,
} from '../../src/cli/location';
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
  test(`${text} is read`, () => {
    const { target: readTarget, path: readPath, fromHome } = parseLocation(text);
    assert.deepEqual([readTarget, readPath, fromHome], [target, path, false]);
  });
}

for (const text of [
  '',
  'box',
  'box:~other/x',
  ':/srv',
  '/srv',
  '-oProxyCommand=x:/srv',
  'a b:/srv',
  'box:0:/x',
]) {
  test(`${JSON.stringify(text)} is no place on a host`, () =>
    assert.throws(() => parseLocation(text), UsageError));
}

for (const [text, path, asFolder] of [
  ['box:', '/home/me', true],
  ['box:src', '/home/me/src', false],
  ['box:src/', '/home/me/src', true],
  ['box:~', '/home/me', true],
  ['box:~/src/../x', '/home/me/x', false],
  ['box:../you', '/home/you', false],
  ['box:.', '/home/me', true],
  ['me@box:22:a/b', '/home/me/a/b', false],
  ['[::1]:a', '/home/me/a', false],
  ['box:./~x', '/home/me/~x', false],
  ['box:a:/b', '/home/me/a:/b', false],
  ['box:/srv/', '/srv', true],
  ['box:/srv/..', '/', true],
  ['box:/srv', '/srv', false],
] as const) {
  test(`${text} is ${path} for somebody whose home is /home/me`, () => {
    const location = parseLocation(text);
    assert.equal(resolved(location, '/home/me'), path);
    assert.equal(location.asFolder, asFolder);
  });
}

test('a host alone stands for its root', () => {
  const rootOf = (text: string) => {
    const { target, path, fromHome } = parseLocationOrHost(text);
    assert.deepEqual([path, fromHome], ['/', false]);
    return target;
  };
  assert.deepEqual(rootOf('me@box'), { host: 'box', user: 'me' });
  assert.deepEqual(rootOf('box:'), { host: 'box' });
  assert.deepEqual(rootOf('box:2222'), { host: 'box', port: 2222 });
  assert.equal(parseLocationOrHost('box:/mnt').path, '/mnt');
  assert.equal(parseLocationOrHost('box:src').path, 'src');
});

test('places of one command may leave out the host but for the first, and must not name another one', () => {
  const pathsOf = (...texts: string[]) => parseOnOneHost(texts).map(({ path }) => path);
  assert.deepEqual(pathsOf('box:/a', '/b'), ['/a', '/b']);
  assert.deepEqual(pathsOf('box:/a', '/b', 'box:c'), ['/a', '/b', 'c']);
  assert.throws(() => pathsOf('box:/a', 'other:/b'), UsageError);
  assert.throws(() => pathsOf('box:/a', 'b'), /write box:b, or use get/);
});

test('a word is a place on a host by its colon before the first slash', () => {
  assert.deepEqual(['box:a', 'box:', './a:b', '/a:b', 'a', ':x'].map(isPlace), [
    true,
    true,
    false,
    false,
    false,
    false,
  ]);
});
