import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCommandLine } from '../../src/cli/commandLine';
import { UsageError } from '../../src/cli/usageError';

test('options may stand before and behind the command and its operands', () => {
  assert.deepEqual(parseCommandLine(['-F', 'cfg', 'ls', '-l', 'box:/']), {
    kind: 'run',
    command: 'ls',
    flags: { 'ssh-config': 'cfg', long: true },
    operands: ['box:/'],
  });
  const line = parseCommandLine(['watch', 'box:/', '--json', '--exclude', 'a', '--exclude=b', '-vv']);
  assert.equal(line.kind, 'run');
  assert.deepEqual(line.kind === 'run' && { ...line.flags }, {
    json: true,
    exclude: ['a', 'b'],
    verbose: [true, true],
  });
});

test('words behind -- are operands', () => {
  const line = parseCommandLine(['put', '--', '--create', 'box:/x']);
  assert.deepEqual(line.kind === 'run' && line.operands, ['--create', 'box:/x']);
});

test('help and version need nothing else', () => {
  assert.deepEqual(parseCommandLine(['--help']), { kind: 'help', command: undefined });
  assert.deepEqual(parseCommandLine(['help', 'put']), { kind: 'help', command: 'put' });
  assert.deepEqual(parseCommandLine(['watch', '-h']), { kind: 'help', command: 'watch' });
  assert.deepEqual(parseCommandLine(['--version']), { kind: 'version' });
});

for (const [args, said] of [
  [[], /command is missing/],
  [['frobnicate'], /no command "frobnicate"$/],
  [['lss'], /no command "lss"; did you mean ls\?/],
  [['mtach'], /no command "mtach"$/],
  [['wtach', 'a:/'], /did you mean watch\?/],
  [['ls', '--josn', 'a:/'], /no option --josn; did you mean --json\?/],
  [['ls', '-q', 'a:/'], /no option -q/],
  [['watch', '--cache=laese', 'a:/'], /did you mean lease\?/],
  [['cat', '-l', 'a:/'], /cat takes no --long \(-l\)/],
  [['toString'], /no command "toString"/],
  [['ls'], /ls takes HOST:PATH\.\.\.; none was given/],
  [['watch', 'a:/', 'b:/'], /watch takes HOST:PATH; 2 words were given/],
  [['put', 'x'], /put takes LOCAL\|-\.\.\. HOST:PATH; one word was given/],
  [['ls', '--json', 'a:/'], /ls takes no --json/],
  [['ls', '--nonsense', 'a:/'], /--nonsense/],
  [['ls', '--cache', 'forever', 'a:/'], /--cache takes one of none, auto, always, lease, not "forever"/],
  [['ls', '-F'], /-F/],
  [['watch', '--json=yes', 'a:/'], /--json/],
] as const) {
  test(`livemount ${args.join(' ')} is a usage error that names its cause`, () => {
    assert.throws(
      () => parseCommandLine(args),
      (error: unknown) => error instanceof UsageError && said.test(error.message),
    );
  });
}
