import assert from 'node:assert/strict';
import fs from 'node:fs';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { test, type TestContext } from 'node:test';
import { MountTable } from '../../src/agent/posix/mountTable';
import { PosixHostFs } from '../../src/agent/posix/posixHostFs';
import { NO_NODE, ROOT_ID, type Unique } from '../../src/protocol/brand';
import { ErrnoError } from '../../src/protocol/errno';
import { FrameError, FrameReader } from '../../src/protocol/frame';
import { FUSE_MAJOR, FUSE_MINOR, InHeader } from '../../src/protocol/fuse';
import { ALL_FEATURES, LM_MAGIC, LM_VERSION } from '../../src/protocol/livemount';
import { decodeHeader, decodeReply, decodeRequest, encodeRequest, NEWEST } from '../../src/protocol/message';
import { opByCode, ops } from '../../src/protocol/opcodes';
import { fuseHandlers } from '../../src/server/ops';
import { Server } from '../../src/server/connection/server';
import { TestMounts } from '../fixtures/mounts';
import { Random } from '../watch/random';

const CODEC_FRAMES = 100_000;
const SESSION_FRAMES = 100_000;
const STREAMS = 5000;
/** Frames fed to one session before it is ended and counted. */
const FRAMES_PER_SESSION = 2000;

/** Requests as a kernel sent them: each operation a few times. */
const corpus: readonly Buffer[] = [
  ...new FrameReader('requests', 1 << 20).push(fs.readFileSync(join(__dirname, 'corpus/kernel-6.18.frames'))),
];
const codes = Object.values(ops).map((op) => op.code);
const { INIT, DESTROY } = ops;

function seedOf(t: TestContext): Random {
  const seed = Number(process.env.LIVEMOUNT_SEED ?? 20261121);
  t.diagnostic(`LIVEMOUNT_SEED=${seed}`);
  return new Random(seed);
}

/** A request of the corpus with some of its bytes, its length or its opcode changed. */
function mutated(random: Random): Buffer {
  const frame = Buffer.from(random.pick(corpus) ?? Buffer.alloc(0));
  const result = random.below(6) === 0 ? resized(random, frame) : frame;
  for (let changes = random.below(4); changes > 0; changes--) {
    const at = random.below(result.length);
    const words = [0, 0xff, 0x7f, 0x80, random.below(256)];
    result[at] = random.pick(words) ?? 0;
  }
  if (random.below(5) === 0) result.writeUInt32LE(random.pick(codes) ?? 0, InHeader.offsetOf('opcode'));
  return result;
}

function resized(random: Random, frame: Buffer): Buffer {
  if (random.below(2) === 0)
    return Buffer.from(frame.subarray(0, InHeader.size + random.below(frame.length - InHeader.size + 1)));
  return Buffer.concat([frame, Buffer.alloc(random.below(200), random.below(256))]);
}

test(`${CODEC_FRAMES} mutated frames are decoded or refused, and nothing else`, (t) => {
  const random = seedOf(t);
  let decoded = 0;
  for (let i = 0; i < CODEC_FRAMES; i++) {
    const bytes = mutated(random);
    if (random.below(3) > 0) bytes.writeUInt32LE(bytes.length, 0);
    const reader = new FrameReader('requests', 1 << 16);
    try {
      for (const frame of reader.push(bytes)) {
        decodeRequest(frame, decodeHeader(frame), { ...NEWEST, minor: random.pick([8, 22, 45]) ?? 45 });
        decoded++;
      }
      assert.ok(reader.pending <= bytes.length);
    } catch (error) {
      if (!(error instanceof FrameError) && !(error instanceof ErrnoError)) throw error;
    }
  }
  assert.ok(decoded > CODEC_FRAMES / 10 && decoded < CODEC_FRAMES, `${decoded} were decoded`);
});

/** A byte stream to the server in memory, and what came back on it. */
class Line {
  readonly received: Buffer[] = [];
  readonly stream: Duplex;

  constructor() {
    this.stream = new Duplex({
      read() {},
      write: (chunk: Buffer, _encoding, done) => {
        this.received.push(chunk);
        done();
      },
    });
  }

  send(bytes: Buffer): void {
    this.stream.push(bytes);
  }

  end(): void {
    this.stream.push(null);
  }
}

function initFrame(ours: boolean): Buffer {
  return encodeRequest('INIT', 2n as Unique, NO_NODE, {
    major: FUSE_MAJOR,
    minor: FUSE_MINOR,
    max_readahead: 1 << 20,
    flags: 0x73fffffb,
    flags2: 0x5fd,
    lm_magic: ours ? LM_MAGIC : 0,
    lm_version: ours ? LM_VERSION : 0,
    lm_features: ours ? ALL_FEATURES : 0,
  });
}

/** Makes a mutated frame one that a session goes on after: its length is right, its unique is new, it is no INIT. */
function survivable(random: Random, frame: Buffer, unique: bigint): Buffer {
  frame.writeUInt32LE(frame.length, 0);
  frame.writeBigUInt64LE(unique, InHeader.offsetOf('unique'));
  const opcode = frame.readUInt32LE(InHeader.offsetOf('opcode'));
  if (opcode === INIT.code || opcode === DESTROY.code) frame.writeUInt32LE(random.pick(codes) ?? 1, 4);
  // Nodeids that exist are more use than any others.
  if (random.below(2) === 0)
    frame.writeBigUInt64LE(BigInt(1 + random.below(60)), InHeader.offsetOf('nodeid'));
  if (random.below(3) === 0 && frame.length >= InHeader.size + 8) {
    frame.writeBigUInt64LE(BigInt(1 + random.below(60)), InHeader.size);
  }
  return frame;
}

/** A server of the kernel's operations over a folder. What it logs must be a refusal, not an accident. */
function serverOf(root: string): Server {
  return new Server({
    host: new PosixHostFs(new MountTable()),
    root: Buffer.from(root),
    handlers: fuseHandlers,
    watches: undefined,
    asCaller: false,
    umask: 0o022,
    validity: 1n,
    stage: () => {
      throw new ErrnoError('ENOSYS');
    },
    log: (message) => assert.doesNotMatch(message, /TypeError|RangeError|undefined/),
    instance: Buffer.alloc(16),
    boot: Buffer.alloc(16),
    random: () => Buffer.alloc(16),
    defaultGrace: 0,
  });
}

test(`a session answers or refuses ${SESSION_FRAMES} mutated frames, and leaves nothing behind`, async (t) => {
  const random = seedOf(t);
  const mounts = new TestMounts();
  // Small, as a mutated FALLOCATE or WRITE may fill it.
  const root = mounts.filesystem('tmpfs', mounts.directory('root'), 'size=16m');
  const server = serverOf(root);
  const descriptors = () => fs.readdirSync('/proc/self/fd').length;
  const before = descriptors();
  let answered = 0;
  let succeeded = 0;
  try {
    for (let sent = 0; sent < SESSION_FRAMES; sent += FRAMES_PER_SESSION) {
      const line = new Line();
      const ended = server.accept(line.stream);
      line.send(initFrame(random.below(2) === 0));
      const expected = new Set<bigint>([2n]);
      for (let i = 0; i < FRAMES_PER_SESSION; i++) {
        const unique = BigInt(4 + 2 * i);
        const frame = survivable(random, mutated(random), unique);
        const op = opByCode(frame.readUInt32LE(4));
        if (op === undefined || ops[op].out !== 'none') expected.add(unique);
        line.send(frame);
        if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      line.send(encodeRequest('DESTROY', 99_999n as Unique, ROOT_ID, undefined));
      expected.add(99_999n);
      const replies = () =>
        [...new FrameReader('replies', 2 << 20).push(Buffer.concat(line.received))].map(decodeReply);
      // Some are carried out on threads and are answered a little later.
      for (
        let i = 0;
        i < 2000 && replies().filter(({ unique }) => unique !== 0n).length < expected.size;
        i++
      ) {
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      for (const { unique, error } of replies()) {
        if (unique === 0n) continue;
        assert.ok(expected.delete(unique), `${unique} was answered twice, or never asked`);
        answered++;
        if (error === 0) succeeded++;
      }
      assert.deepEqual([...expected], [], 'every request is answered');
      line.end();
      await ended;
      // What the next session starts with.
      for (const name of fs.readdirSync(root)) fs.rmSync(join(root, name), { recursive: true, force: true });
    }
    assert.ok(answered > SESSION_FRAMES / 2, `${answered} answers`);
    assert.ok(succeeded > SESSION_FRAMES / 100, `${succeeded} successes`);
    assert.equal(server.sessions, 0);
    for (let i = 0; i < 500 && descriptors() > before; i++)
      await new Promise((resolve) => setTimeout(resolve, 10));
    assert.ok(descriptors() <= before, `${descriptors() - before} descriptors are left`);
    t.diagnostic(`${answered} answers, ${succeeded} of them successes`);
  } finally {
    server.dispose();
    mounts.dispose();
  }
});

test('whole streams of any bytes end their channel or are answered, and the server goes on', async (t) => {
  const random = seedOf(t);
  const mounts = new TestMounts();
  const server = serverOf(mounts.filesystem('tmpfs', mounts.directory('root'), 'size=16m'));
  const refusals: string[] = [];
  try {
    for (let stream = 0; stream < STREAMS; stream++) {
      const line = new Line();
      const ended = server.accept(line.stream);
      if (random.below(3) > 0) line.send(initFrame(random.below(2) === 0));
      for (let i = random.below(6); i >= 0; i--) {
        // In pieces, as a stream may bring them.
        const bytes = mutated(random);
        const cut = random.below(bytes.length);
        line.send(bytes.subarray(0, cut));
        line.send(bytes.subarray(cut));
      }
      line.end();
      const error = await ended;
      if (error !== undefined) refusals.push(error.message);
    }
    assert.ok(refusals.length > STREAMS / 10 && refusals.length < STREAMS, `${refusals.length} were refused`);
    assert.equal(server.sessions, 0);
  } finally {
    server.dispose();
    mounts.dispose();
  }
});
