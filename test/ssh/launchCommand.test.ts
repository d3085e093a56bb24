import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostBootSource } from '../../src/ssh/agent/hostBoot';
import { launchCommand } from '../../src/ssh/agent/launchCommand';

const MARKER = '0123456789abcdef0123456789abcdef';

/** The command as it is for a host: with the hashes of all native modules there are. */
function command(preferred: readonly string[] = []): string {
  const kinds = ['linux-x64-glibc', 'linux-x64-musl', 'linux-arm64-glibc', 'linux-arm64-musl'];
  const hash = (seed: number) =>
    Array.from({ length: 64 }, (_, at) => ((at * 7 + seed * 13) % 16).toString(16)).join('');
  const source = hostBootSource({
    marker: MARKER,
    agentHash: hash(0),
    nativeHashes: Object.fromEntries(kinds.map((kind, at) => [kind, hash(at + 1)])),
    command: 'connect',
    args: ['--grace', '1800'],
  });
  return launchCommand({ marker: MARKER, source, preferred });
}

test('the command is a single word that every shell reads alike, and csh does not find too long', () => {
  const match = /^exec \/bin\/sh -c '([^'\\!\n]*)'$/.exec(command());
  assert.ok(match !== null);
  assert.ok((match[1] ?? '').length < 8000, `${match[1]?.length} bytes`);
});

test('the marker does not stand whole in the command', () => {
  assert.equal(command().includes(MARKER), false);
});

test('paths of a setting are taken literally, and refused where they could be anything else', () => {
  assert.ok(command(['~/my node/bin/node']).includes('"$HOME/my node/bin/node"'));
  for (const path of ['/a;b', '$(x)', '`x`', "/it's", '/a"b', '/a\\b', '/hey!'])
    assert.throws(() => command([path]));
});
