// Another user of the host, who may write in the same folders, can't have one's files removed or shown by the agent.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { test } from 'node:test';
import { buildSync } from 'esbuild';
import { mayBeAlive, processName } from '../../src/agent/processIdentity';
import { ROOT_ID } from '../../src/protocol/brand';
import { ErrnoError } from '../../src/protocol/errno';
import { RecoverAction } from '../../src/protocol/livemount';
import { decodeUnfinished } from '../../src/protocol/recover';
import type { HostFs } from '../../src/server/host/hostFs';
import { Saves } from '../../src/server/save/saves';
import { FaultHostFs } from '../fixtures/faultHostFs';
import { namesIn, openHost, Places } from '../save/places';
import { optionsFor, SaveClient } from '../save/saveClient';

const MALLORY = 61_302;
const NO_TRASH = { homeTrash: undefined, uid: undefined, now: () => new Date() };
const MARK = '.x.livemount-abcdefghijkl';

/** The folders of a user, with documents in one that nobody else may enter. */
function victim(places: Places) {
  const documents = join(places.folder('home'), 'Documents');
  mkdirSync(documents, { mode: 0o700 });
  writeFileSync(join(documents, 'thesis'), 'years');
  const project = places.folder('project', 0o777);
  return { home: dirname(documents), documents, project, run: places.folder('run', 0o700) };
}

async function recoverFrom(run: string, host: HostFs = openHost()): Promise<readonly string[]> {
  const log: string[] = [];
  const options = optionsFor({ runFolder: Buffer.from(run), log: (line) => log.push(line) });
  await new Saves(host, options, NO_TRASH).unfinished.recover();
  return log;
}

/** A note as an agent that is gone left it; each way of saying that what has the name may go. */
function leaveNotes(run: string, directory: string, temporary: string, owner = 0): string {
  const lines = [
    { id: 1, kind: 'temporary', directory, temporary, tree: true },
    { id: 2, kind: 'temporary', directory, temporary },
    { id: 3, kind: 'tree', directory, temporary },
    {
      id: 4,
      kind: 'exchange',
      directory,
      name: 'a',
      temporary,
      staged: '1',
      before: { ino: '1', size: '1', mtimeNs: '1' },
    },
  ];
  const path = join(run, 'HOST.0000000000000000.1.1.saves');
  writeFileSync(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  chmodSync(path, 0o600);
  chownSync(path, owner, owner);
  return path;
}

test('a note that somebody else wrote does not remove a folder', async () => {
  using places = new Places();
  const { home, documents, run } = victim(places);
  leaveNotes(run, home, 'Documents', MALLORY);
  await recoverFrom(run);
  assert.deepEqual(namesIn(documents), ['thesis']);
});

test('a note that others may write is not believed, nor one that is a link or no file', async () => {
  using places = new Places();
  const { project, run } = victim(places);
  const litter = join(project, MARK);
  const isLeft = async () => {
    writeFileSync(litter, '');
    await recoverFrom(run);
    return existsSync(litter);
  };
  chmodSync(leaveNotes(run, project, MARK), 0o666);
  assert.equal(await isLeft(), true);
  renameSync(leaveNotes(run, project, MARK), join(project, 'note'));
  execFileSync('ln', ['-s', join(project, 'note'), join(run, 'HOST.0.1.1.saves')]);
  assert.equal(await isLeft(), true);
  rmSync(join(run, 'HOST.0.1.1.saves'));
  execFileSync('mkfifo', [join(run, 'HOST.0.1.1.saves')]);
  assert.equal(await isLeft(), true);
  rmSync(join(run, 'HOST.0.1.1.saves'));
  leaveNotes(run, project, MARK);
  assert.equal(await isLeft(), false, 'one’s own note is');
});

test('one’s own note never removes what has no temporary name', async () => {
  using places = new Places();
  const { home, documents, run } = victim(places);
  writeFileSync(join(home, 'file'), 'x');
  for (const [directory, name] of [
    [home, 'Documents'],
    [home, 'file'],
    [join(home, 'x'), '../file'],
    [documents, '..'],
    [home, `Documents/../${MARK}/../file`],
  ] as const) {
    leaveNotes(run, directory, name);
    await recoverFrom(run);
    assert.deepEqual(namesIn(documents), ['thesis'], name);
    assert.deepEqual(namesIn(home), ['Documents', 'file'], name);
  }
});

for (const call of ['copyRange', 'rename']) {
  test(`a folder that gets the name of a copy is not removed by the next agent (killed before ${call})`, async () => {
    using places = new Places();
    const { documents, project, run } = victim(places);
    mkdirSync(join(project, 'from'));
    writeFileSync(join(project, 'from/file'), 'x');
    const faulty = new FaultHostFs(openHost());
    const options = optionsFor({ runFolder: Buffer.from(run) });
    const dying = new SaveClient(faulty.host, project, new Saves(faulty.host, options, NO_TRASH));
    faulty.dieBefore(call);
    await Promise.race([copy(dying), faulty.killed]);
    const left = namesIn(project).find((name) => name.includes('livemount')) ?? '';
    renameSync(join(project, left), join(project, 'aside'));
    renameSync(documents, join(project, left));
    const log = await recoverFrom(run);
    assert.deepEqual(namesIn(join(project, left)), ['thesis']);
    assert.match(log.join(), /stays/);
    assert.deepEqual(namesIn(run), [], 'it is not asked for again');
  });

  test(`what a killed copy left goes with the next agent (killed before ${call})`, async () => {
    using places = new Places();
    const { project, run } = victim(places);
    mkdirSync(join(project, 'from/sub'), { recursive: true });
    writeFileSync(join(project, 'from/sub/file'), 'x');
    const faulty = new FaultHostFs(openHost());
    const options = optionsFor({ runFolder: Buffer.from(run) });
    const dying = new SaveClient(faulty.host, project, new Saves(faulty.host, options, NO_TRASH));
    faulty.dieBefore(call);
    await Promise.race([copy(dying), faulty.killed]);
    assert.equal(namesIn(project).length, 2);
    await recoverFrom(run);
    assert.deepEqual(namesIn(project), ['from']);
  });
}

function copy(client: SaveClient): Promise<unknown> {
  return client.do('COPY', ROOT_ID, { newdir: ROOT_ID, flags: 0 } as never, ['from', 'to']);
}

/** A host on which somebody does something just before or just after one call. */
function meanwhile(
  host: HostFs,
  call: 'mkdir' | 'create' | 'rename',
  when: 'before' | 'after',
  act: () => void,
): HostFs {
  let isDone = false;
  const once = () => {
    if (!isDone) act();
    isDone = true;
  };
  return new Proxy(host, {
    get: (target, key) => {
      const member = Reflect.get(target, key) as unknown;
      if (typeof member !== 'function') return member;
      if (key !== call) return member.bind(target);
      return async (...args: unknown[]) => {
        if (when === 'before') once();
        const result = await Reflect.apply(member, target, args);
        if (when === 'before') return result;
        once();
        // mkdir(2) tells nothing of what it made: the look behind it finds who is there then.
        return target.lookup(args[0] as never, args[1] as Buffer);
      };
    },
  });
}

for (const [call, when] of [
  ['mkdir', 'after'],
  ['create', 'before'],
] as const) {
  test(`a folder put in the place of a copy is not filled with what is private (${when} ${call})`, async () => {
    using places = new Places();
    const { project } = victim(places);
    mkdirSync(join(project, 'from'), { mode: 0o700 });
    writeFileSync(join(project, 'from/secret'), 'secret');
    const swap = () => {
      const temporary = namesIn(project).find((name) => name.includes('livemount')) ?? '';
      renameSync(join(project, temporary), join(project, 'aside'));
      mkdirSync(join(project, temporary));
      chownSync(join(project, temporary), MALLORY, MALLORY);
    };
    const client = new SaveClient(meanwhile(openHost(), call, when, swap), project);
    await assert.rejects(copy(client), (error) => error instanceof ErrnoError && error.code === 'ESTALE');
    for (const name of namesIn(project)) {
      if (name === 'from' || name === 'aside') continue;
      assert.deepEqual(readdirSync(join(project, name)), []);
    }
  });
}

test('a folder put in the place of a finished copy is no copy', async () => {
  using places = new Places();
  const { project } = victim(places);
  mkdirSync(join(project, 'from'));
  const swap = () => {
    const temporary = namesIn(project).find((name) => name.includes('livemount')) ?? '';
    renameSync(join(project, temporary), join(project, 'aside'));
    mkdirSync(join(project, temporary));
  };
  const client = new SaveClient(meanwhile(openHost(), 'rename', 'before', swap), project);
  await assert.rejects(copy(client), (error) => error instanceof ErrnoError && error.code === 'ESTALE');
});

test('a backup elsewhere than where backups are made is not offered, and discarding removes nothing', async () => {
  using places = new Places();
  const { home, documents, run } = victim(places);
  const before = { ino: '1', size: '1', mtimeNs: '1' };
  const line = {
    id: 1,
    kind: 'backup',
    directory: home,
    name: 'a',
    backup: join(documents, 'thesis'),
    before,
    timeNs: '1',
  };
  writeFileSync(join(run, 'HOST.0.1.1.saves'), `${JSON.stringify(line)}\n`);
  const saves = new Saves(openHost(), optionsFor({ stateFolder: Buffer.from(run) }), NO_TRASH);
  const client = new SaveClient(openHost(), home, saves);
  const listed = await client.do('RECOVER', ROOT_ID, { id: 0n, action: RecoverAction.LIST } as never);
  assert.deepEqual(decodeUnfinished(listed), []);
  assert.equal(readFileSync(join(documents, 'thesis'), 'utf8'), 'years');
});

/** A shell in a machine of its own, as far as name, number and processes go, that becomes the program given. */
function onMachine(name: string, machineId: string): string[] {
  const shell = `hostname ${name} && mount --bind ${machineId} /etc/machine-id && exec "$@"`;
  return [
    '--uts',
    '--mount',
    '--pid',
    '--fork',
    '--mount-proc',
    '/bin/sh',
    '-c',
    shell,
    'sh',
    process.execPath,
  ];
}

test('the agent of another machine of the same name, on a home they share, is not taken for dead', async (t) => {
  using places = new Places();
  const outfile = join(places.top, 'identity.cjs');
  const entryPoints = [resolve(__dirname, 'programs/identity.ts')];
  buildSync({ entryPoints, outfile, bundle: true, platform: 'node' });
  const [one, two] = ['1', '2'].map((digit) => {
    const path = join(places.top, `machine-${digit}`);
    writeFileSync(path, `${digit.repeat(32)}\n`);
    return path;
  }) as [string, string];
  if (!existsSync('/etc/machine-id')) writeFileSync('/etc/machine-id', '');
  const agent = spawn('unshare', [...onMachine('localhost', one), outfile], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.after(() => agent.kill('SIGKILL'));
  const there = String((await once(agent.stdout, 'data'))[0]).trim();
  const asked = (machine: string) =>
    execFileSync('unshare', [...onMachine('localhost', machine), outfile, there], {
      encoding: 'utf8',
    }).trim();
  assert.equal(asked(two), 'may be alive');
  assert.equal(mayBeAlive(there), true, 'nor by a machine of another name');
  // Another container of the same machine has process numbers of its own.
  assert.equal(asked(one), 'may be alive');
  agent.stdin.end();
  await once(agent, 'exit');
});

test('an agent of this machine is known to be dead when it is, and after the next boot', () => {
  const name = processName();
  assert.equal(mayBeAlive(name), true);
  const parts = name.split('.');
  const withPart = (fromEnd: number, value: string) =>
    parts.map((part, i) => (i === parts.length - fromEnd ? value : part)).join('.');
  assert.equal(mayBeAlive(withPart(1, '1')), false, 'another process had the number');
  assert.equal(mayBeAlive(withPart(4, '0123456789abcdef')), false, 'another boot');
  assert.equal(mayBeAlive(`${hostname()}x.${parts.slice(1).join('.')}`), true, 'another host');
});
