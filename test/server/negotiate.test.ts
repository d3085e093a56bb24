import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FUSE_MINOR, InitFlag, type InitIn } from '../../src/protocol/fuse';
import { ALL_FEATURES, Feature, LM_MAGIC, LM_VERSION } from '../../src/protocol/livemount';
import { negotiate } from '../../src/server/connection/negotiate';

/** What Linux 6.18 offers to /dev/fuse. */
const kernel: InitIn = {
  major: 7,
  minor: 45,
  max_readahead: 131072,
  flags: 0x73fffffb,
  flags2: 0x5fd,
  lm_magic: 0,
  lm_version: 0,
  lm_features: 0,
};

describe('INIT', () => {
  it('agrees on the older minor of the two', () => {
    assert.equal(negotiate({ ...kernel, minor: 12 }).reply.minor, 12);
    assert.equal(negotiate({ ...kernel, minor: 99 }).reply.minor, FUSE_MINOR);
  });

  it('sets no flag that was not offered', () => {
    const { reply } = negotiate({ ...kernel, flags: Number(InitFlag.BIG_WRITES), flags2: 0 });
    assert.equal(reply.flags, Number(InitFlag.BIG_WRITES));
    assert.equal(reply.flags2, 0);
    assert.equal(reply.max_pages, 0);
  });

  it('takes flags2 only where INIT_EXT is offered', () => {
    const without = negotiate({ ...kernel, flags: kernel.flags & ~Number(InitFlag.INIT_EXT) });
    assert.equal(without.reply.flags2, 0);
    assert.ok(negotiate(kernel).reply.flags2 !== 0);
  });

  it('answers a newer major with our own and waits for another INIT', () => {
    const { reply, agreement } = negotiate({ ...kernel, major: 8 });
    assert.equal(reply.major, 7);
    assert.equal(agreement, undefined);
  });

  it('refuses an older major', () => {
    assert.throws(() => negotiate({ ...kernel, major: 6 }), { code: 'EPROTO' });
  });

  it('is plain FUSE for a client that sends zeros where our words are', () => {
    const { reply, agreement } = negotiate(kernel);
    assert.deepEqual([reply.lm_magic, reply.lm_version, reply.lm_features, reply.lm_max_frame], [0, 0, 0, 0]);
    assert.equal(agreement?.features, 0);
  });

  it('agrees with our own client on the features both have', () => {
    const ours = {
      ...kernel,
      lm_magic: LM_MAGIC,
      lm_version: LM_VERSION,
      lm_features: Feature.WALK | (1 << 30),
    };
    assert.equal(negotiate(ours).agreement?.features, Feature.WALK);
    assert.equal(negotiate({ ...ours, lm_features: ALL_FEATURES }).reply.lm_features, ALL_FEATURES);
  });

  it('never agrees to caches or transports that would be wrong over a byte stream with other writers', () => {
    const refused =
      InitFlag.WRITEBACK_CACHE | InitFlag.SPLICE_READ | InitFlag.PASSTHROUGH | InitFlag.OVER_IO_URING;
    assert.equal((negotiate(kernel).agreement?.flags ?? 0n) & refused, 0n);
  });
});
