// Another user of the host, who shares a group with one, can't get between a window and its agent by way of /tmp.
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { hostname } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { Duplex } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { buildSync } from 'esbuild';
import { isOurPeer } from '../../src/agent/daemon/peer';
import { claimPrivateFolder } from '../../src/agent/daemon/privateFolder';
import { withStartLock } from '../../src/agent/daemon/startLock';
import { libcFlavour } from '../../src/agent/libc/native';
import { peerUid } from '../../src/agent/libc/peer';
import { hostTag } from '../../src/agent/processIdentity';
import { ErrnoError } from '../../src/protocol/errno';
import { lookForLeftovers } from '../../src/ssh/agent/clean';
import { hostBootSource } from '../../src/ssh/agent/hostBoot';
import { launchCommand } from '../../src/ssh/agent/launchCommand';
import type { SshTransport } from '../../src/ssh/transport/transport';

const DIST = resolve(__dirname, '../../dist');
const KIND = `${process.platform}-${process.arch}-${libcFlavour()}`;
/** Two users and a group they share; no accounts are needed to run as numbers. */
const MALLORY = 61_302;
const SHARED = 61_300;
let nextVictim = 61_400;

const sha256 = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');
const AGENT = join(DIST, 'agent.js');
const NATIVE = join(DIST, 'native', KIND, 'koffi.node');

/** A user with a home, whose folder in /tmp is gone at the end. */
function victim(t: TestContext) {
  const uid = nextVictim++;
  const top = mkdtempSync('/tmp/livemount-neighbour-');
  chmodSync(top, 0o755);
  const home = join(top, 'home');
  mkdirSync(home, { mode: 0o700 });
  chownSync(home, uid, uid);
  const inTmp = `/tmp/livemount-${uid}`;
  t.after(() => {
    rmSync(inTmp, { recursive: true, force: true });
    rmSync(top, { recursive: true, force: true });
  });
  return { uid, top, home, inTmp };
}

type Victim = ReturnType<typeof victim>;

/** A folder of the victim's in which the group may write, moved to the place in /tmp by somebody of the group. */
function moveIn({ uid, top, inTmp }: Victim): void {
  const project = join(top, 'project');
  mkdirSync(project);
  chownSync(project, uid, SHARED);
  chmodSync(project, 0o2775);
  mkdirSync(join(project, 'docs'));
  chownSync(join(project, 'docs'), uid, SHARED);
  chmodSync(join(project, 'docs'), 0o2775);
  as(MALLORY, ['mv', join(project, 'docs'), inTmp]);
}

function as(uid: number, [program = '', ...args]: readonly string[]): void {
  execFileSync('setpriv', ['--reuid', `${uid}`, '--regid', `${SHARED}`, '--clear-groups', program, ...args]);
}

function startAs(uid: number, args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  const who = ['--reuid', `${uid}`, '--regid', `${SHARED}`, '--clear-groups'];
  return spawn('setpriv', [...who, process.execPath, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, ...env },
  });
}

/** The first line with the marker. */
async function marked(child: ChildProcess, marker: string): Promise<string> {
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  if (child.stdout === null) throw new Error('no output');
  for await (const line of createInterface(child.stdout)) {
    if (line.startsWith(`${marker} `)) return line.slice(marker.length + 1);
  }
  throw new Error(`it ended: ${said}`);
}

async function ended(child: ChildProcess): Promise<void> {
  child.stdin?.end();
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

test('a socket that somebody else put into the agent’s place is not taken for the agent’s', async (t) => {
  const someone = victim(t);
  const program = join(someone.top, 'agent');
  mkdirSync(program);
  copyFileSync(AGENT, join(program, 'agent.cjs'));
  copyFileSync(NATIVE, join(program, 'koffi.node'));
  moveIn(someone);
  const id = randomBytes(16).toString('hex');
  const tags = [
    hostTag(),
    hostname()
      .replace(/[^A-Za-z0-9-]/g, '')
      .slice(0, 20),
  ];
  const sockets = tags.map((tag) => join(someone.inTmp, `${id.slice(0, 16)}-${tag}.sock`));
  const greeting = JSON.stringify({ livemount: 1, pid: 1, cookie: 'mallory', bootId: '' });
  const listen = `process.umask(0);let n=0;for(const p of ${JSON.stringify(sockets)})
    require('net').createServer((s)=>s.write(${JSON.stringify(`${greeting}\n`)})).listen(p,()=>++n==2&&console.log('M on'))`;
  const mallory = startAs(MALLORY, ['-e', listen]);
  t.after(() => mallory.kill('SIGKILL'));
  assert.equal(await marked(mallory, 'M'), 'on');

  const args = [join(program, 'agent.cjs'), 'connect', '--id', id, '--marker', 'V', '--grace', '0'];
  const connect = startAs(someone.uid, args, { HOME: someone.home });
  const ready = JSON.parse((await marked(connect, 'V')).replace(/^ready /, '')) as Record<string, unknown>;
  assert.notEqual(ready.cookie, 'mallory');
  assert.equal(dirname(String(ready.socketPath)), join(someone.home, '.cache/livemount'));
  await ended(connect);
});

/** Runs what a client sends to a host, with a program of one line as the agent; gives the folder that it ran from. */
async function bootOf(uid: number, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const program = Buffer.from('console.log("M at " + __dirname); process.exit(0)');
  const agentHash = createHash('sha256').update(program).digest('hex');
  const source = hostBootSource({ marker: 'M', agentHash, nativeHashes: {}, command: 'connect', args: [] });
  const child = startAs(uid, ['-e', source], env);
  const packed = gzipSync(program);
  child.stdin?.on('error', () => undefined);
  child.stdin?.write(`${packed.length}\n`);
  child.stdin?.write(packed);
  if (child.stdout === null) throw new Error('no output');
  let at: string | undefined;
  for await (const line of createInterface(child.stdout)) at = /^M at (.*)$/.exec(line)?.[1] ?? at;
  await ended(child);
  return at === undefined ? undefined : dirname(at);
}

test('a program that lies where somebody else could write is not run', async (t) => {
  const someone = victim(t);
  moveIn(someone);
  const agentHash = sha256(AGENT);
  const nativeHash = sha256(NATIVE);
  const id = createHash('sha256').update(`${agentHash} ${nativeHash}`).digest('hex').slice(0, 32);
  // All that is in it fits, for the moment.
  const folder = join(someone.inTmp, id);
  mkdirSync(folder);
  copyFileSync(AGENT, join(folder, 'agent.cjs'));
  copyFileSync(NATIVE, join(folder, 'koffi.node'));
  for (const path of [folder, join(folder, 'agent.cjs'), join(folder, 'koffi.node')]) {
    chownSync(path, someone.uid, SHARED);
    chmodSync(path, 0o775);
  }
  const nativeHashes = { [KIND]: nativeHash };
  const ask = async () => {
    const source = hostBootSource({
      marker: 'M',
      agentHash,
      nativeHashes,
      command: 'connect',
      args: ['--grace', '0'],
    });
    const child = startAs(someone.uid, ['-e', source], { HOME: someone.home });
    const line = await marked(child, 'M');
    await ended(child);
    return line.split(' ')[0];
  };
  assert.equal(await ask(), 'need');
  // The folder around it was made private since, by an earlier version: that says nothing of what is in it.
  chmodSync(someone.inTmp, 0o700);
  assert.equal(await ask(), 'need');
  chmodSync(folder, 0o755);
  assert.equal(await ask(), 'need', 'a file in it may be written by others');
  for (const name of ['agent.cjs', 'koffi.node']) chmodSync(join(folder, name), 0o644);
  assert.equal(await ask(), 'ready');
});

interface Place {
  readonly what: string;
  readonly make: (folder: string, someone: Victim) => void;
  readonly used: boolean;
}

/** What may stand where a private folder is to be, `folder` in `above`; one table for the agent and what starts it. */
const PLACES: readonly Place[] = [
  { what: 'nothing', make: () => undefined, used: true },
  { what: 'a private folder', make: (folder, { uid }) => own(folder, uid, 0o700), used: true },
  { what: 'one that others may read', make: (folder, { uid }) => own(folder, uid, 0o755), used: true },
  { what: 'one that a group may write in', make: (folder, { uid }) => own(folder, uid, 0o770), used: false },
  { what: 'one that anybody may write in', make: (folder, { uid }) => own(folder, uid, 0o777), used: false },
  { what: 'somebody else’s', make: (folder) => own(folder, MALLORY, 0o700), used: false },
  { what: 'one with rights for somebody in a list', make: shared, used: false },
  { what: 'a link to a private folder', make: linked, used: false },
  {
    what: 'a private folder in one where a group may rename it',
    make: (folder, { uid }) => {
      own(folder, uid, 0o700);
      chmodSync(dirname(folder), 0o770);
    },
    used: false,
  },
  {
    what: 'a private folder in somebody else’s',
    make: (folder, { uid }) => {
      own(folder, uid, 0o700);
      chownSync(dirname(folder), MALLORY, SHARED);
      chmodSync(dirname(folder), 0o755);
    },
    used: false,
  },
  {
    what: 'a private folder in a sticky one',
    make: (folder, { uid }) => {
      own(folder, uid, 0o700);
      chmodSync(dirname(folder), 0o1777);
    },
    used: true,
  },
];

function own(folder: string, uid: number, mode: number): void {
  mkdirSync(folder);
  chownSync(folder, uid, SHARED);
  chmodSync(folder, mode);
}

function shared(folder: string, { uid }: Victim): void {
  own(folder, uid, 0o700);
  execFileSync('setfacl', ['-m', `u:${MALLORY}:rwx`, folder]);
}

function linked(folder: string, { uid, home }: Victim): void {
  own(join(home, 'elsewhere'), uid, 0o700);
  symlinkSync(join(home, 'elsewhere'), folder);
}

for (const { what, make, used } of PLACES) {
  test(`${what} is ${used ? 'used' : 'not used'} as the private folder`, async (t) => {
    const someone = victim(t);
    const above = join(someone.top, 'above');
    own(above, someone.uid, 0o755);
    const folder = join(above, 'livemount');
    make(folder, someone);
    const at = await bootOf(someone.uid, { XDG_CACHE_HOME: above });
    assert.equal(at, used ? folder : someone.inTmp);

    const bundle = join(someone.top, 'claim.cjs');
    const entryPoints = [join(__dirname, 'programs/claim.ts')];
    buildSync({ entryPoints, bundle: true, platform: 'node', outfile: bundle });
    const who = ['--reuid', `${someone.uid}`, '--regid', `${SHARED}`, '--clear-groups'];
    const { stdout } = spawnSync('setpriv', [...who, process.execPath, bundle, folder], { encoding: 'utf8' });
    assert.equal(stdout.trim(), used ? folder : 'refused');
    if (used) assert.equal(lstatSync(folder).mode & 0o7777, 0o700);
  });
}

test('a folder is used by its real path, so that no link on the way can be turned later', (t) => {
  const { top } = victim(t);
  mkdirSync(join(top, 'real'));
  symlinkSync('real', join(top, 'link'));
  assert.equal(claimPrivateFolder(join(top, 'link/livemount')), join(top, 'real/livemount'));
});

test('a lock that somebody else left, in the name of whoever lives, keeps no window out', async (t) => {
  const { top } = victim(t);
  const path = join(top, 'lock');
  const stat = readFileSync('/proc/1/stat', 'latin1');
  symlinkSync(`1 ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`, path);
  execFileSync('chown', ['-h', `${MALLORY}`, path]);
  assert.equal(await withStartLock(path, 10_000, async () => 'in'), 'in');
  assert.ok(!existsSync(path));
});

test('the agent knows who connects to it, and serves its own user and root', async (t) => {
  const { top } = victim(t);
  const path = join(top, 'socket');
  const server = createServer();
  t.after(() => server.close());
  server.listen(path);
  await once(server, 'listening');
  chmodSync(path, 0o777);
  const connect = `require('net').connect(${JSON.stringify(path)}).on('close',()=>process.exit(0))`;
  for (const [uid, served] of [
    [MALLORY, false],
    [0, true],
  ] as const) {
    const client = startAs(uid, ['-e', connect]);
    const [socket] = await once(server, 'connection');
    assert.equal(isOurPeer(socket, peerUid), served);
    socket.destroy();
    await ended(client);
  }
});

test('a Node that was uploaded is not run through a link in /tmp', async (t) => {
  const someone = victim(t);
  const clone = join(someone.home, 'clone');
  const node = join(clone, 'runtime/x/node');
  mkdirSync(dirname(node), { recursive: true });
  writeFileSync(node, '#!/bin/sh\necho v22.0.0\n', { mode: 0o755 });
  execFileSync('chown', ['-R', `${someone.uid}`, clone]);
  symlinkSync(clone, someone.inTmp);
  const marker = randomBytes(16).toString('hex');
  const command = launchCommand({ marker, source: 'console.log(1)' });
  // A machine without any other Node.
  const bare = command.replaceAll(/(?<=for n in ).*?(?=;)/g, '/tmp/livemount-"$(id -u)"/runtime/*/node');
  const run = () =>
    spawnSync('setpriv', ['--reuid', `${someone.uid}`, '--clear-groups', '/bin/sh', '-c', bare], {
      encoding: 'utf8',
    }).stdout;
  assert.match(run(), /no-runtime/);
  rmSync(someone.inTmp);
  cpSync(clone, someone.inTmp, { recursive: true });
  execFileSync('chown', ['-R', `${someone.uid}`, someone.inTmp]);
  chmodSync(someone.inTmp, 0o777);
  assert.match(run(), /no-runtime/, 'others could have put it there');
  chmodSync(someone.inTmp, 0o700);
  assert.doesNotMatch(run(), /no-runtime/);
});

test('a refusal says which folder it is about, and why', (t) => {
  const { top } = victim(t);
  own(join(top, 'open'), 0, 0o777);
  assert.throws(
    () => claimPrivateFolder(join(top, 'open')),
    (error) =>
      error instanceof ErrnoError && error.message.includes(basename(top)) && /others/.test(error.message),
  );
});

test('cleaning a host removes nothing of a folder that somebody else moved into the place of ours', async (t) => {
  const someone = victim(t);
  moveIn(someone);
  for (const name of ['work.log', 'thesis.saves']) writeFileSync(join(someone.inTmp, name), 'x');
  execFileSync('chown', ['-R', `${someone.uid}:${SHARED}`, someone.inTmp]);
  const clean = async () => {
    const cleaning = await lookForLeftovers(
      shellOf(someone.uid, { PATH: process.env.PATH, HOME: someone.home }),
    );
    await cleaning.remove();
  };
  await clean();
  assert.deepEqual(readdirSync(someone.inTmp).sort(), ['thesis.saves', 'work.log']);
  chmodSync(someone.inTmp, 0o700);
  await clean();
  assert.ok(!existsSync(join(someone.inTmp, 'work.log')), 'a private one is ours');
});

/** What a connection of that user would be, as far as commands are concerned. */
function shellOf(uid: number, env: NodeJS.ProcessEnv): SshTransport {
  const who = ['--reuid', `${uid}`, '--regid', `${SHARED}`, '--clear-groups'];
  return {
    exec: async (command: string) => {
      const child = spawn('setpriv', [...who, '/bin/sh', '-c', command], { env });
      const exit = once(child, 'exit').then(([code]) => ({ code, signal: undefined }));
      const stream = Duplex.from({ readable: child.stdout, writable: child.stdin });
      stream.on('error', () => undefined); // Ended by us, before the command ends.
      return { stream, stderr: child.stderr, exit };
    },
    dispose: () => undefined,
  } as unknown as SshTransport;
}
