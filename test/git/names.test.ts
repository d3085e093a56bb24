import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cloneSource, objectName, refName, stashName } from '../../src/client/git/names';

test('a branch that would be an option, a command or a range is refused', () => {
  const bad = [
    '--upload-pack=x',
    '-f',
    '',
    'a b',
    'a..b',
    'a:b',
    'a~1',
    'a^',
    'x@{1}',
    'a\nb',
    'a.lock',
    '/a',
    'a//b',
    'a\u007f',
    '@',
    'a/.b',
  ];
  for (const name of bad) assert.throws(() => refName(name), { code: 'EINVAL' }, name);
  for (const name of ['main', 'feature/ü-1', 'refs/heads/x', 'v1.0', 'HEAD'])
    assert.equal(refName(name), name);
});

test('an object is hexadecimal, a stash is counted', () => {
  assert.throws(() => objectName('HEAD'), { code: 'EINVAL' });
  assert.throws(() => stashName(-1), { code: 'EINVAL' });
  assert.equal(stashName(2), 'stash@{2}');
});

test('an address that runs a program or is an option is refused', () => {
  const bad = [
    'ext::sh -c id',
    '-u./x',
    '--upload-pack=id',
    'ssh://-oProxyCommand=id/x',
    'git@-oProxyCommand=id:x',
    'fd::3',
    'javascript://x',
    'https://h/\nx',
    '',
  ];
  for (const address of bad) assert.throws(() => cloneSource(address), { code: 'EINVAL' }, address);
  for (const address of [
    'https://h/r.git',
    'git@h:r/r.git',
    '/srv/r.git',
    'ssh://git@h:22/r',
    '../r',
    'file:///srv/r',
  ])
    assert.equal(cloneSource(address), address);
});
