// A name that is no UTF-8, given on the command line as `ls` prints it, means that file and no other.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rawArguments } from '../../src/cli/rawArguments';
import { UsageError } from '../../src/cli/usageError';
import { bytesOf } from '../../src/protocol/names';

const LATIN = Buffer.from('box:/caf\xe9', 'latin1');
const decoded = (...args: Buffer[]) => [
  'node',
  'cli.js',
  ...args.map((argument) => argument.toString('utf8')),
];
const line = (...args: Buffer[]) => Buffer.concat(args.flatMap((argument) => [argument, Buffer.of(0)]));
const word = (text: string) => Buffer.from(text);

test('its bytes are taken from the kernel, also behind options of the runtime', () => {
  const [command, place] = rawArguments(decoded(word('cat'), LATIN), () =>
    line(word('node'), word('--enable-source-maps'), word('cli.js'), word('cat'), LATIN),
  );
  assert.equal(command, 'cat');
  assert.deepEqual(bytesOf(place ?? ''), LATIN);
  assert.notEqual(place, 'box:/caf\ufffd');
});

test('a genuine replacement character is a name like any other', () => {
  const genuine = word('box:/caf\ufffd');
  const args = rawArguments(decoded(genuine), () => line(word('node'), word('cli.js'), genuine));
  assert.deepEqual(args, ['box:/caf\ufffd']);
});

test('a character that stands for a byte elsewhere is not taken for that byte', () => {
  const odd = word('box:/\u{10fee9}');
  const [place] = rawArguments(decoded(odd), () => line(word('node'), word('cli.js'), odd));
  assert.deepEqual(bytesOf(place ?? ''), odd);
  const [alone] = rawArguments(decoded(odd), () => undefined);
  assert.deepEqual(bytesOf(alone ?? ''), odd);
});

test('where the kernel does not tell, or tells of something else, it is refused', () => {
  for (const told of [undefined, line(word('node'), word('cli.js'), word('other')), Buffer.alloc(0)])
    assert.throws(() => rawArguments(decoded(LATIN), () => told), UsageError);
});

test('other arguments are taken as they are, without asking', () => {
  assert.deepEqual(
    rawArguments(['node', 'cli.js', 'ls', 'box:/ä'], () => assert.fail('asked')),
    ['ls', 'box:/ä'],
  );
});
