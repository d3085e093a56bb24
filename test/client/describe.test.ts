import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ATTEMPTS, describe, type Doing, LOCAL_MESSAGES, MESSAGES } from '../../src/client/describe';
import { Errno, ErrnoError, type ErrnoName } from '../../src/protocol/errno';
import { ConnectError } from '../../src/ssh/connectError';
import { machineWordsIn } from '../fixtures/machineWords';

const codes = Object.keys(Errno) as ErrnoName[];
const doings = [undefined, ...(Object.keys(ATTEMPTS) as Doing[])];

test('every error in every situation is a sentence without a code or a word of the machine room', () => {
  const errors = codes.flatMap((code) => [
    new ErrnoError(code),
    new ErrnoError(code, '/srv/data.txt'),
    ErrnoError.ofCall(Errno[code], 'WALK'),
    new ErrnoError(code, 'REPLACE of /srv/data.txt gave no inode'),
    new ErrnoError(code, 'the link is down: it is not known whether COMPOUND took effect'),
    Object.assign(new Error(`${code}: bad thing, open '/home/me/x'`), { code }),
  ]);
  for (const doing of doings) {
    for (const error of [...errors, ErrnoError.ofCall(4095, 'STATFS')]) {
      const { sentence, reason, details } = describe(error, {
        subject: '/srv/data.txt',
        ...(doing && { doing }),
      });
      assert.deepEqual(machineWordsIn(sentence), [], `${details} gave: ${sentence}`);
      assert.match(sentence, /^(?:[A-Z]|\/srv).*\.$/s, sentence);
      assert.equal(sentence.split('/srv/data.txt').length, 2, `the subject is named once: ${sentence}`);
      assert.doesNotMatch(reason, /\.$/);
    }
  }
});

test('the code and the operation are in the details', () => {
  assert.match(
    describe(ErrnoError.ofCall(Errno.ENOSPC, 'WRITE'), { subject: '/x' }).details,
    /WRITE.*ENOSPC|ENOSPC.*WRITE/,
  );
});

test('a missing file, a full disk and a lost right say what happened and what to do', () => {
  const said = (code: ErrnoName, doing: Doing) =>
    describe(new ErrnoError(code), { doing, subject: '/srv/x' });
  assert.equal(said('ENOENT', 'read').sentence, 'Could not open /srv/x: there is no such file or folder.');
  assert.equal(
    said('ENOSPC', 'save').sentence,
    'Could not save /srv/x: the host’s disk is full. Free some space there and try again; nothing was changed.',
  );
  assert.equal(said('EACCES', 'save').remedy, 'saveAsRoot');
  assert.equal(said('EACCES', 'read').remedy, undefined);
  assert.equal(said('EREMCHG', 'save').remedy, 'compare');
});

test('words that an error has for people are kept, and the path in them is named once', () => {
  const { sentence } = describe(new ErrnoError('EFBIG', '/srv/x has 2147483648 bytes'), {
    doing: 'read',
    subject: '/srv/x',
  });
  assert.match(sentence, /^Could not open \/srv\/x: it has 2147483648 bytes\. Files of 2 GB/);
});

test('a failed connection is about the host, not about the file that was wanted', () => {
  const error = new ConnectError(
    'host-key-changed',
    'build shows the key SHA256:x, but SHA256:y is on record',
  );
  const { sentence, remedy } = describe(error, { doing: 'read', subject: '/srv/proj' });
  assert.equal(sentence, 'build shows the key SHA256:x, but SHA256:y is on record.');
  assert.equal(remedy, 'reconnect');
});

test('an error of this machine is not blamed on the host', () => {
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  assert.match(describe(full, { subject: 'x' }).sentence, /disk of this machine is full/);
});

test('templates and translations get their arguments, also when these look like templates', () => {
  const shout = (template: string, ...args: readonly string[]) =>
    template.toUpperCase().replace('{0}', () => args[0] ?? '');
  assert.match(
    describe(new ErrnoError('EIO'), { doing: 'save', subject: '$&{0}' }, shout).sentence,
    /SAVE \$&\{0\}: THE HOST/,
  );
  assert.match(
    describe(new ErrnoError('EIO'), { doing: 'save', subject: '$&{0}' }).sentence,
    /save \$&\{0\}: the/,
  );
});

test('no message of the tables ends in the middle, and none has a word of the machine room', () => {
  const entries = [...Object.values(MESSAGES), ...Object.values(LOCAL_MESSAGES)];
  for (const { reason, advice, when } of entries) {
    const texts = [
      reason,
      advice,
      ...Object.values(when ?? {}).flatMap((other) => [other.reason, other.advice]),
    ];
    for (const text of texts) assert.deepEqual(machineWordsIn(text ?? ''), []);
    assert.match(advice ?? 'None.', /\.$/);
  }
});

test('the name of a host keeps its first letter, our own words begin with a capital', () => {
  const of = (words: string) => describe(new ConnectError('unreachable', words)).sentence;
  assert.equal(of('no-such-host.invalid is not known'), 'no-such-host.invalid is not known.');
  assert.equal(of('the host is gone'), 'The host is gone.');
});
