// What one client sends can neither use the agent up for the others, nor show it more than it was given.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Duplex } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { MountTable } from '../../src/agent/posix/mountTable';
import { PosixHostFs } from '../../src/agent/posix/posixHostFs';
import {
  type Mask,
  NO_NODE,
  type NodeId,
  ROOT_ID,
  type SuperblockId,
  type Unique,
} from '../../src/protocol/brand';
import { type Errno, ErrnoError } from '../../src/protocol/errno';
import { encodeMarks } from '../../src/protocol/marks';
import { FrameReader } from '../../src/protocol/frame';
import { FUSE_MAJOR, FUSE_MINOR } from '../../src/protocol/fuse';
import {
  ALL_FEATURES,
  LM_MAGIC,
  LM_VERSION,
  RecoverAction,
  RESUME_ATTACH,
} from '../../src/protocol/livemount';
import { decodeReply, decodeReplyBody, encodeRequest } from '../../src/protocol/message';
import { type InOf, type OpName, type OutOf, Notify } from '../../src/protocol/opcodes';
import { decodeUnfinished } from '../../src/protocol/recover';
import { decodeMount } from '../../src/protocol/mountRecord';
import { Server, type ServerOptions } from '../../src/server/connection/server';
import { SESSIONS_MAX } from '../../src/server/connection/sessionKeeper';
import { fuseHandlers } from '../../src/server/ops';
import { HandClock } from '../fixtures/handClock';

const AGENT = resolve(__dirname, '../../dist/agent.js');
const ZEROS = Buffer.alloc(16);

const INIT: InOf<'INIT'> = {
  major: FUSE_MAJOR,
  minor: FUSE_MINOR,
  max_readahead: 1 << 20,
  flags: 0x73fffffb,
  flags2: 0x5fd,
  lm_magic: LM_MAGIC,
  lm_version: LM_VERSION,
  lm_features: ALL_FEATURES,
};

/** A client that says what it likes, frame by frame. */
class Client {
  readonly notified: { code: number; body: Buffer }[] = [];
  private readonly reader = new FrameReader('replies', 16 << 20);
  private readonly waiting = new Map<bigint, (reply: { error: number; body: Buffer }) => void>();
  private next = 2n;

  constructor(
    private readonly send: (bytes: Buffer) => void,
    listen: (take: (bytes: Buffer) => void) => void,
  ) {
    listen((bytes) => {
      for (const frame of this.reader.push(bytes)) {
        const { unique, error, body } = decodeReply(Buffer.from(frame));
        if (unique === 0n) this.notified.push({ code: error, body });
        else this.waiting.get(unique)?.({ error, body });
      }
    });
  }

  async ask<K extends OpName>(
    op: K,
    nodeid: NodeId,
    fixed: InOf<K>,
    names: readonly string[] = [],
    data?: Buffer,
  ): Promise<OutOf<K>> {
    const unique = this.next as Unique;
    this.next += 2n;
    const reply = new Promise<{ error: number; body: Buffer }>((got) => this.waiting.set(unique, got));
    this.send(
      encodeRequest(
        op,
        unique,
        nodeid,
        fixed,
        names.map((name) => Buffer.from(name)),
        data,
      ),
    );
    const { error, body } = await reply;
    if (error !== 0) throw new ErrnoError(-error, op);
    return decodeReplyBody(op, body);
  }

  init(): Promise<unknown> {
    return this.ask('INIT', NO_NODE, INIT);
  }
}

const errno = (code: keyof typeof Errno) => (error: unknown) =>
  error instanceof ErrnoError && error.code === code;

/** A client of the agent that serves a folder; descriptors: how many the agent may have. */
function serve(t: TestContext, root: string, descriptors?: number, state?: string) {
  const limited = descriptors === undefined ? [] : ['prlimit', `--nofile=${descriptors}:${descriptors}`];
  const [program = '', ...args] = [...limited, process.execPath, AGENT, 'serve', '--stdio', '--root', root];
  const agent: ChildProcess = spawn(program, args, {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...(state && { XDG_STATE_HOME: state }) },
  });
  t.after(() => agent.kill('SIGKILL'));
  return new Client(
    (bytes) => void agent.stdin?.write(bytes),
    (take) => agent.stdout?.on('data', take),
  );
}

function folder(t: TestContext): string {
  const path = mkdtempSync('/tmp/livemount-client-');
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test('a client that keeps opening files is refused, and all else goes on', async (t) => {
  const root = folder(t);
  writeFileSync(join(root, 'file'), 'x');
  mkdirSync(join(root, 'from'));
  const client = serve(t, root, 100);
  await client.init();
  const { nodeid } = await client.ask('LOOKUP', ROOT_ID, undefined, ['file']);
  const open = () => client.ask('OPEN', nodeid, { flags: 0, open_flags: 0 });
  const opened: OutOf<'OPEN'>[] = [];
  let refused: unknown;
  while (refused === undefined && opened.length < 200) {
    await open().then(
      (handle) => opened.push(handle),
      (error) => {
        refused = error;
      },
    );
  }
  assert.ok(errno('EMFILE')(refused), String(refused));
  await client.ask('LOOKUP', ROOT_ID, undefined, ['file']);
  await client.ask('COPY', ROOT_ID, { newdir: ROOT_ID, flags: 0 } as never, ['from', 'copy']);
  const [first] = opened;
  const release = { fh: first?.fh, flags: 0, release_flags: 0, lock_owner: 0n } as InOf<'RELEASE'>;
  await client.ask('RELEASE', nodeid, release);
  await open();
});

test('who is served a folder is neither told of other mounts nor may watch outside of it', async (t) => {
  const top = folder(t);
  const root = join(top, 'served');
  mkdirSync(join(root, 'sub'), { recursive: true });
  mkdirSync(join(top, 'secret'));
  const client = serve(t, root);
  await client.init();
  await client.ask('RESUME', NO_NODE, {
    session: ZEROS,
    token: ZEROS,
    count: 0,
    flags: 0,
    grace: 0,
  });
  const { attr } = await client.ask('GETATTR', ROOT_ID, { getattr_flags: 0, fh: 0n } as never);
  assert.ok(attr.mode !== 0);
  const mounts = client.notified
    .filter(({ code }) => code === Notify.MOUNT)
    .map(({ body }) => decodeMount(body));
  const [only, ...others] = mounts;
  assert.ok(
    only !== undefined && others.length === 0,
    mounts.map(({ mountpoint }) => String(mountpoint)).join(),
  );
  const at = String(only.mountpoint) === '/' ? '' : String(only.mountpoint);
  const below = (path: string) => path.slice(at.length + 1);
  const watch = (sb: SuperblockId, path: string) => {
    const marks = encodeMarks([{ path: Buffer.from(path), mask: 0x2 as Mask, flags: 1, excludes: [] }]);
    return client.ask(
      'FSNOTIFY_UPDATE',
      NO_NODE,
      { sb, generation: 1n, count: 1, flags: 0 } as never,
      [],
      marks,
    );
  };
  await watch(only.sb, below(join(root, 'sub')));
  for (const path of [
    '',
    below(top),
    below(join(top, 'secret')),
    `${below(root)}/../secret`,
    `${below(root)}x`,
  ]) {
    await assert.rejects(watch(only.sb, path), errno('EACCES'), path);
  }
  for (let sb = 1n; sb < 50n; sb++) {
    const other = (only.sb - 25n + sb) as SuperblockId;
    if (other !== only.sb) await assert.rejects(watch(other, ''), errno('ENODEV'));
  }
});

test('who is served a folder neither sees nor settles unfinished saves outside of it', async (t) => {
  const top = folder(t);
  const root = join(top, 'served');
  const state = join(top, 'state/livemount');
  for (const path of [root, join(top, 'other'), state]) mkdirSync(path, { recursive: true, mode: 0o700 });
  const before = { ino: '1', size: '1', mtimeNs: '1' };
  const backup = (directory: string) => join(directory, '.a.livemount-backup-abcdefghijkl');
  const lines = [root, join(top, 'other')].map((directory, id) => {
    writeFileSync(backup(directory), 'before');
    writeFileSync(join(directory, 'a'), 'now');
    return JSON.stringify({
      id,
      kind: 'backup',
      directory,
      name: 'a',
      backup: backup(directory),
      before,
      timeNs: '1',
    });
  });
  // The agent that wrote it ran on another boot of this machine.
  const owner = `${await ownName()}.saves`;
  writeFileSync(join(state, owner), `${lines.join('\n')}\n`, { mode: 0o600 });
  const client = serve(t, root, undefined, join(top, 'state'));
  await client.init();
  const recover = async (action: number, id = 0n) =>
    decodeUnfinished(await client.ask('RECOVER', ROOT_ID, { id, action } as never));
  const listed = await recover(RecoverAction.LIST);
  assert.deepEqual(
    listed.map(({ path }) => String(path)),
    [join(root, 'a')],
  );
  for (let id = 0n; id < 5n; id++) {
    if (id === listed[0]?.id) continue;
    await assert.rejects(recover(RecoverAction.RESTORE, id), errno('ENOENT'));
    await assert.rejects(recover(RecoverAction.DISCARD, id), errno('ENOENT'));
  }
  assert.deepEqual(await recover(RecoverAction.RESTORE, listed[0]?.id), []);
});

async function ownName(): Promise<string> {
  const { processName } = await import('../../src/agent/processIdentity');
  const parts = processName().split('.');
  return parts.map((part, i) => (i === parts.length - 4 ? '0123456789abcdef' : part)).join('.');
}

test('a second INIT is refused, and the session goes on', async (t) => {
  const root = folder(t);
  writeFileSync(join(root, 'file'), 'x');
  const client = serve(t, root);
  await client.init();
  await assert.rejects(client.init(), errno('EINVAL'));
  const { nodeid } = await client.ask('LOOKUP', ROOT_ID, undefined, ['file']);
  await assert.rejects(client.init(), errno('EINVAL'));
  const opened = await client.ask('OPEN', nodeid, { flags: 0, open_flags: 0 });
  const read = {
    fh: opened.fh,
    offset: 0n,
    size: 10,
    read_flags: 0,
    lock_owner: 0n,
    flags: 0,
  } as InOf<'READ'>;
  assert.equal(String(await client.ask('READ', nodeid, read)), 'x');
});

/** A server in this process, with a stream of bytes for each client. */
function server(t: TestContext, root: string) {
  let last = 0;
  const clock = new HandClock();
  const options: ServerOptions = {
    host: new PosixHostFs(new MountTable()),
    root: Buffer.from(root),
    handlers: fuseHandlers,
    watches: undefined,
    asCaller: false,
    umask: 0,
    validity: 0n,
    stage: () => {
      throw new ErrnoError('ENOSYS');
    },
    log: () => undefined,
    instance: ZEROS,
    boot: ZEROS,
    random: () => {
      const bytes = Buffer.alloc(16);
      bytes.writeUInt32LE(++last);
      return bytes;
    },
    defaultGrace: 1800,
    clock,
  };
  const made = new Server(options);
  t.after(() => made.dispose());
  const connect = () => {
    let take: (bytes: Buffer) => void = () => undefined;
    const stream = new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        take(chunk);
        done();
      },
    });
    void made.accept(stream);
    const client = new Client(
      (bytes) => void stream.push(bytes),
      (taker) => {
        take = taker;
      },
    );
    return { client, stream };
  };
  return { server: made, connect, clock };
}

test('sessions that are begun and left without end make room for each other, and not for those that are used', async (t) => {
  const { server: served, connect } = server(t, folder(t));
  const fresh = { session: ZEROS, token: ZEROS, count: 0, flags: 0, grace: 0 };
  const used = connect();
  await used.client.init();
  const mine = await used.client.ask('RESUME', NO_NODE, fresh);
  for (let i = 0; i < SESSIONS_MAX + 50; i++) {
    const { client, stream } = connect();
    await client.init();
    await client.ask('RESUME', NO_NODE, fresh);
    stream.push(null);
    await turn();
  }
  assert.ok(served.sessions <= SESSIONS_MAX, `${served.sessions} sessions`);
  const more = connect();
  await more.client.init();
  const { session, token } = mine;
  const again = await more.client.ask('RESUME', NO_NODE, { ...fresh, session, token, flags: RESUME_ATTACH });
  assert.ok(again.session.equals(session), 'the one in use is still there');
});

test('a session whose channel is gone is kept for its grace time, and no longer', async (t) => {
  const { server: served, connect, clock } = server(t, folder(t));
  const fresh = { session: ZEROS, token: ZEROS, count: 0, flags: 0, grace: 60 };
  const first = connect();
  await first.client.init();
  const { session, token } = await first.client.ask('RESUME', NO_NODE, fresh);
  first.stream.push(null);
  await turn();
  await clock.pass(59_000);
  assert.equal(served.sessions, 1);
  const second = connect();
  await second.client.init();
  const again = await second.client.ask('RESUME', NO_NODE, { ...fresh, session, token });
  assert.ok(again.session.equals(session), 'it is the same session');
  await clock.pass(60_000);
  assert.equal(served.sessions, 1, 'with a channel it is kept however long');
  second.stream.push(null);
  await turn();
  await clock.pass(60_000);
  assert.equal(served.sessions, 0);
});

test('a channel on which nobody says anything is closed', async (t) => {
  const { connect, clock } = server(t, folder(t));
  const { stream } = connect();
  await clock.pass(60_000);
  assert.equal(stream.destroyed, false);
  await clock.pass(60_000);
  assert.equal(stream.destroyed, true);
});
