import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Claimant, ThreadShares } from '../../src/agent/posix/threadShares';
import { Random } from '../watch/random';

/** A superblock that wants as many threads as it can get. */
class Superblock implements Claimant {
  inFlight = 0;
  doubtful: boolean;
  wanted = 0;

  constructor(
    private readonly shares: ThreadShares,
    readonly slow: boolean,
    answered = false,
    private readonly background = false,
  ) {
    this.doubtful = slow && !answered;
  }

  want(count = 1): void {
    this.wanted += count;
    this.serve();
  }

  serve(): void {
    while (this.wanted > 0 && this.shares.admits(this, this.background)) {
      this.shares.begin(this, this.background);
      this.inFlight++;
      this.wanted--;
    }
  }

  /** One of its calls comes back. */
  answer(): void {
    this.shares.end(this, this.background);
    this.inFlight--;
    this.doubt(false);
    this.serve();
    this.shares.serveNext();
  }

  doubt(doubtful: boolean): void {
    if (doubtful === this.doubtful || !this.slow) return;
    this.doubtful = doubtful;
    this.shares.doubted(this);
  }
}

function held(superblocks: readonly Superblock[]): number {
  return superblocks.reduce((sum, { inFlight }) => sum + inFlight, 0);
}

test('a thousand mounts that never answered leave threads to one that does, and to local ones', () => {
  const shares = new ThreadShares(32);
  const dead = Array.from({ length: 1000 }, () => new Superblock(shares, true));
  for (const superblock of dead) superblock.want(100);
  assert.ok(held(dead) <= 14, `${held(dead)} of 32 threads are held by dead mounts`);

  const healthy = new Superblock(shares, true, true);
  const local = new Superblock(shares, false);
  for (let i = 0; i < 50; i++) {
    healthy.want(10);
    local.want(10);
    assert.ok(healthy.inFlight >= 1 && local.inFlight >= 1);
    while (healthy.inFlight > 0) healthy.answer();
    while (local.inFlight > 0) local.answer();
  }
});

test('polling a hundred mounts that answered and died leaves threads to whoever waits for something', () => {
  const shares = new ThreadShares(32);
  const polled = Array.from({ length: 100 }, () => new Superblock(shares, true, true, true));
  for (const superblock of polled) superblock.want(10);
  for (const superblock of polled) superblock.doubt(true);
  assert.equal(held(polled), 21);
  const asked = new Superblock(shares, true, true);
  asked.want(4);
  assert.equal(asked.inFlight, 1);
});

test('one that dies while it has calls on threads holds those and gets no more', () => {
  const shares = new ThreadShares(32);
  const dying = new Superblock(shares, true, true);
  dying.want(10);
  assert.equal(dying.inFlight, 4);
  dying.doubt(true);
  dying.answer();
  dying.doubt(true);
  assert.equal(dying.inFlight, 4, 'it had answered, so it got one more before it was in doubt again');
  dying.want(10);
  assert.equal(dying.inFlight, 4);
});

test('a new mount gets its turn when one of the dead comes back', () => {
  const shares = new ThreadShares(8);
  const dead = Array.from({ length: 20 }, () => new Superblock(shares, true));
  for (const superblock of dead) superblock.want();
  const fresh = new Superblock(shares, true);
  fresh.want();
  assert.equal(fresh.inFlight, 0);
  for (let i = 0; fresh.inFlight === 0; i++) {
    const back = dead[i];
    assert.ok(back !== undefined && back.inFlight > 0, 'its turn never came');
    back.answer();
  }
});

test('whatever happens, local work keeps an eighth and those that answer keep half of the rest', () => {
  const seed = Number(process.env.LIVEMOUNT_SEED ?? Date.now() % 1e9);
  const random = new Random(seed);
  for (let round = 0; round < 50; round++) {
    const threads = 4 + random.below(61);
    const shares = new ThreadShares(threads);
    const forSlow = threads - Math.max(1, threads >> 3);
    const superblocks = Array.from({ length: 40 }, () => new Superblock(shares, true));
    for (let step = 0; step < 300; step++) {
      const one = random.pick(superblocks);
      if (one === undefined) throw new RangeError('no superblocks');
      const what = random.below(3);
      const doubtfulBefore = held(superblocks.filter(({ doubtful }) => doubtful));
      if (what === 0) one.want(1 + random.below(6));
      else if (what === 1 && one.inFlight > 0) one.answer();
      else if (what === 2 && one.inFlight > 0) one.doubt(true);
      const doubtful = held(superblocks.filter((superblock) => superblock.doubtful));
      assert.ok(held(superblocks) <= forSlow, `seed ${seed}: ${held(superblocks)} of ${threads}`);
      if (what === 0) {
        const allowed = Math.max(doubtfulBefore, forSlow >> 1, 1);
        assert.ok(doubtful <= allowed, `seed ${seed}: ${doubtful} doubtful of ${threads}`);
      }
      for (const { inFlight } of superblocks) assert.ok(inFlight >= 0 && inFlight <= 4, `seed ${seed}`);
    }
    for (let i = 0; superblocks.some(({ inFlight }) => inFlight > 0); i++) {
      for (const superblock of superblocks) if (superblock.inFlight > 0) superblock.answer();
      assert.ok(i < 2000, `seed ${seed}: it never ends`);
    }
    assert.ok(
      superblocks.every(({ wanted }) => wanted === 0),
      `seed ${seed}: somebody was forgotten`,
    );
  }
});
