import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { HostConfig } from '../../src/ssh/config/hostConfig';
import { listHosts } from '../../src/ssh/config/listHosts';
import { type LocalMachine, localMachine } from '../../src/ssh/config/localMachine';
import { matchesPatternList } from '../../src/ssh/config/patterns';
import { resolveHost } from '../../src/ssh/config/resolveHost';
import { formatTarget, parseTarget } from '../../src/ssh/config/target';
import { ConnectError } from '../../src/ssh/connectError';

/** A home folder with these files in it. */
function home(t: TestContext, files: Readonly<Record<string, string>>): LocalMachine {
  const folder = mkdtempSync(join(tmpdir(), 'livemount-home-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text.replaceAll('HOME', folder));
  }
  return { ...localMachine(), home: folder };
}

test('targets are read in every form, and written back', () => {
  assert.deepEqual(parseTarget('build'), { host: 'build' });
  assert.deepEqual(parseTarget('me@build:2222'), { host: 'build', user: 'me', port: 2222 });
  assert.deepEqual(parseTarget('a@b.c@build'), { host: 'build', user: 'a@b.c' });
  assert.deepEqual(parseTarget('ssh://me@build:22/'), { host: 'build', user: 'me', port: 22 });
  assert.deepEqual(parseTarget('[fe80::1%eth0]:2222'), { host: 'fe80::1%eth0', port: 2222 });
  assert.deepEqual(parseTarget('::1'), { host: '::1' });
  for (const text of ['build', 'me@build:2222', 'me@[::1]:22', '::1'])
    assert.equal(formatTarget(parseTarget(text)), text);
});

test('a target that could be read as an option or a command is refused', () => {
  for (const text of [
    '',
    '-oProxyCommand=x',
    'me@',
    'a b',
    'a;b',
    '$(x)',
    'host:0',
    'host:99999',
    'host:x',
    '@host',
  ]) {
    assert.throws(() => parseTarget(text), ConnectError, text);
  }
});

test('a negated pattern wins over those that match', () => {
  assert.equal(matchesPatternList('web1.example.com', ['*.example.com', '!web1.*']), false);
  assert.equal(matchesPatternList('web2.example.com', ['*.example.com', '!web1.*']), true);
  assert.equal(matchesPatternList('web2', ['!web1']), false);
  assert.equal(matchesPatternList('web2', ['web?']), true);
  assert.equal(matchesPatternList('webX2', ['web.2']), false);
});

/**
 * Configurations that both `ssh -G` and our own reader evaluate, with the target; they must agree. HOME stands for a
 * fresh folder. Each is also what a file looks like that somebody has.
 */
const CONFIGURATIONS: readonly {
  name: string;
  target: string;
  config: string;
  files?: Record<string, string>;
}[] = [
  {
    name: 'the first value counts, and Host blocks add up',
    target: 'build',
    config:
      'Host build\n  User first\n  Port 2222\nHost *\n  User second\n  HashKnownHosts yes\n  ConnectTimeout 7\n',
  },
  {
    name: 'a name, keys and tokens',
    target: 'build',
    config:
      'Host b*d\n HostName %h.example.com\n User deploy\n IdentityFile ~/.ssh/%r_at_%h\n IdentityFile HOME/%n.%p\n' +
      ' CertificateFile HOME/%u-cert.pub\n IdentitiesOnly yes\n UserKnownHostsFile HOME/known_%k ~/other\n',
  },
  {
    name: 'quotes, equal signs, comments and tabs',
    target: 'build',
    config:
      '# comment\n\tHost "build" other\n\tUser=me\n  Port = 2222\nIdentityFile "HOME/my key"\nIdentityAgent none\n',
  },
  {
    name: 'a negated host',
    target: 'web1',
    config: 'Host web* !web1\n  Port 1000\nHost web*\n  Port 2000\n',
  },
  {
    name: 'Match with host, originalhost, user and all',
    target: 'alias',
    config:
      'Host alias\n  HostName real.example.com\nMatch host real.example.com user me,root\n  Port 2001\n' +
      'Match originalhost alias\n  ServerAliveInterval 9\nMatch originalhost real*\n  ServerAliveInterval 10\n' +
      'Match all\n  ServerAliveCountMax 5\n',
  },
  {
    name: 'Match exec, and its negation',
    target: 'build',
    config:
      'Match exec "test %h = build"\n  Port 2001\nMatch !exec "test %n = other"\n  User yes\nMatch exec "false"\n  User no\n',
  },
  { name: 'Match final', target: 'build', config: 'Match final\n  Port 2003\nHost build\n  User me\n' },
  {
    name: 'Include with a pattern, inside a Host block and not beyond it',
    target: 'build',
    config:
      'Host build\n  Include HOME/conf/*.conf\n  Port 2222\nHost other\n  Include HOME/conf/z\nHost *\n  User last\n',
    files: {
      'conf/a.conf': 'Host nothing\n  User wrong\n',
      'conf/b.conf': 'User included\n',
      'conf/z': 'Port 1\n',
    },
  },
  {
    name: 'jump hosts',
    target: 'inner',
    config: 'Host inner\n  ProxyJump me@a:2200,b\n  ProxyCommand ignored\n',
  },
  {
    name: 'a ProxyCommand with tokens',
    target: 'inner',
    config: 'Host inner\n  HostName i.example.com\n  ProxyCommand nc -X 5 %h %p # %r "%n" %%\n',
  },
  {
    name: 'host key settings',
    target: 'build',
    config:
      'HostKeyAlias build-key\nStrictHostKeyChecking accept-new\nAddressFamily inet6\nGlobalKnownHostsFile /dev/null\n' +
      'NumberOfPasswordPrompts 1\nPreferredAuthentications password\nPubkeyAuthentication no\n',
  },
];

for (const { name, target, config, files } of CONFIGURATIONS) {
  test(`our reader and ssh -G agree: ${name}`, async (t) => {
    const configFile = join(home(t, { config, ...files }).home, 'config');
    const parsed = parseTarget(target);
    // ssh takes the home folder from the password database, not from the environment: the real one for both.
    const machine = localMachine();
    const read = await resolveHost(parsed, { configFile, sshProgram: undefined, machine });
    const asked = await resolveHost(parsed, { configFile, machine });
    assert.deepEqual(comparable(read), comparable(asked));
  });
}

/** `ssh -G` lists the defaults of its build for algorithms; ours leaves them to the transport. */
function comparable({ ciphers, macs, kexAlgorithms, hostKeyAlgorithms, ...rest }: HostConfig): object {
  // Keys of kinds that are on their way out differ between releases.
  const identityFiles = rest.identityFiles.filter((file) => !/id_(dsa|xmss)$/.test(file));
  return { ...rest, identityFiles };
}

test('a target by user, host and port beats the configuration', async (t) => {
  const machine = home(t, { '.ssh/config': 'Host *\n  User configured\n  Port 1\n' });
  for (const sshProgram of [undefined, 'ssh']) {
    const config = await resolveHost(parseTarget('me@host:2222'), {
      configFile: join(machine.home, '.ssh/config'),
      sshProgram,
      machine,
    });
    assert.deepEqual([config.user, config.hostName, config.port], ['me', 'host', 2222]);
  }
});

test('a configuration that cannot be used says why', async (t) => {
  const machine = home(t, { unknown: 'IdentityFile ~/%y\n', broken: 'Port many\n' });
  const resolve = (file: string, sshProgram?: string) =>
    resolveHost({ host: 'x' }, { configFile: join(machine.home, file), sshProgram, machine });
  await assert.rejects(resolve('unknown'), /unknown token %y/);
  await assert.rejects(resolve('broken', 'ssh'), /Bad (port|number)/);
});

test('a machine without ssh reads the files itself', async (t) => {
  const machine = home(t, { '.ssh/config': 'Host a\n  Port 2222\n' });
  const config = await resolveHost({ host: 'a' }, { sshProgram: 'no-such-program', machine });
  assert.equal(config.port, 2222);
});

test('the picker lists aliases without wildcards, from included files too', (t) => {
  const machine = home(t, {
    '.ssh/config': 'Include more\nHost one two !three *.com\nHost two\nMatch host four\n',
    '.ssh/more': 'Host "five"\n  HostName x\n',
  });
  assert.deepEqual(listHosts(join(machine.home, '.ssh/config'), machine), ['five', 'one', 'two']);
});

test('ssh is there, so that the comparison above compares', () => {
  assert.match(execFileSync('ssh', ['-G', 'x'], { encoding: 'utf8' }), /^hostname x$/m);
});
