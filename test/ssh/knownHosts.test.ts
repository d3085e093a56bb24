import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import {
  fingerprint,
  formatKnownHost,
  judgeHostKey,
  keyTypeOf,
  knownHostName,
  parseKnownHosts,
} from '../../src/ssh/auth/knownHosts';
import { type KeyType, makeKey } from '../fixtures/sshd';

const folder = mkdtempSync(join(tmpdir(), 'livemount-keys-'));
after(() => rmSync(folder, { recursive: true, force: true }));

let made = 0;
function publicKey(type: KeyType = 'ed25519') {
  const path = makeKey(join(folder, `key${made++}`), type);
  const [name = '', base64 = ''] = readFileSync(`${path}.pub`, 'utf8').split(' ');
  return { path, text: `${name} ${base64}`, key: Buffer.from(base64, 'base64') };
}
const ours = publicKey();
const another = publicKey();
const rsa = publicKey('rsa');

function judge(text: string, name: string, key = ours.key) {
  return judgeHostKey(parseKnownHosts(text, 'known_hosts'), name, key);
}

test('a key on record is known, by name, pattern, port and hash', () => {
  assert.equal(judge(`build ${ours.text}\n`, 'build').kind, 'known');
  assert.equal(judge(`other,build ${ours.text} comment\n`, 'build').kind, 'known');
  assert.equal(judge(`*.example.com,!bad.* ${ours.text}\n`, 'a.example.com').kind, 'known');
  assert.equal(judge(`*.example.com,!bad.* ${ours.text}\n`, 'bad.example.com').kind, 'unknown');
  assert.equal(judge(`[build]:2222 ${ours.text}\n`, knownHostName('BUILD', 2222)).kind, 'known');
  assert.equal(judge(`build ${ours.text}\n`, knownHostName('build', 2222)).kind, 'unknown');
  assert.equal(judge(`${formatKnownHost('build', ours.key, true)}\n`, 'build').kind, 'known');
  assert.equal(judge(`${formatKnownHost('build', ours.key, true)}\n`, 'build2').kind, 'unknown');
});

test('names hashed by ssh-keygen are found', () => {
  const file = join(folder, 'hashed');
  writeFileSync(file, `[build]:2222,plain ${ours.text}\n`);
  execFileSync('ssh-keygen', ['-H', '-f', file], { stdio: 'ignore' });
  const text = readFileSync(file, 'utf8');
  assert.doesNotMatch(text, /build|plain/);
  assert.equal(judge(text, '[build]:2222').kind, 'known');
  assert.equal(judge(text, 'plain').kind, 'known');
});

test('another key of the type is a change, with the place of the record', () => {
  const verdict = judge(`# comment\n\nbuild ${another.text}\n`, 'build');
  assert.equal(verdict.kind, 'changed');
  assert.equal(verdict.kind === 'changed' && verdict.recorded.line, 3);
});

test('a key of a type not on record is unknown, and the recorded ones are named', () => {
  const verdict = judge(`build ${rsa.text}\n`, 'build');
  assert.deepEqual(verdict.kind === 'unknown' && verdict.otherTypes.map(({ keyType }) => keyType), [
    'ssh-rsa',
  ]);
});

test('a revoked key is refused though it is on record as well', () => {
  assert.equal(judge(`build ${ours.text}\n@revoked * ${ours.text}\n`, 'build').kind, 'revoked');
  assert.equal(judge(`@revoked other ${ours.text}\nbuild ${ours.text}\n`, 'build').kind, 'known');
});

test('a certificate authority vouches for no plain key, but is told', () => {
  const verdict = judge(`@cert-authority *.example.com ${ours.text}\n`, 'a.example.com');
  assert.equal(verdict.kind === 'unknown' && verdict.certified, true);
});

test('lines that are none are passed over', () => {
  const text = `garbage\nbuild ssh-ed25519 not-a-key\nbuild ssh-rsa ${ours.text.split(' ')[1]}\n@unknown build ${ours.text}\n`;
  assert.deepEqual(parseKnownHosts(text, 'known_hosts'), []);
});

test('fingerprints are those of ssh-keygen', () => {
  for (const { path, key } of [ours, rsa]) {
    assert.match(
      execFileSync('ssh-keygen', ['-lf', path], { encoding: 'utf8' }),
      new RegExp(`${quoted(fingerprint(key))} `),
    );
  }
  assert.equal(keyTypeOf(rsa.key), 'ssh-rsa');
  assert.equal(keyTypeOf(Buffer.from('short')), '');
});

function quoted(text: string): string {
  return text.replace(/[+/]/g, '\\$&');
}
