import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  REPLY_CACHE_BYTES,
  REPLY_CACHE_ENTRIES,
  REPLY_CACHE_LARGEST,
  ReplyCache,
} from '../../src/server/connection/replyCache';

describe('the reply cache', () => {
  it('gives back what a request was answered', () => {
    const cache = new ReplyCache();
    cache.put(2n, Buffer.from('two'));
    cache.put(4n, Buffer.from('four'));
    assert.equal(cache.get(2n)?.toString(), 'two');
    assert.equal(cache.get(6n), undefined);
  });

  it('forgets the oldest replies beyond its entries', () => {
    const cache = new ReplyCache();
    for (let i = 0; i <= REPLY_CACHE_ENTRIES; i++) cache.put(BigInt(i), Buffer.from('x'));
    assert.equal(cache.size, REPLY_CACHE_ENTRIES);
    assert.equal(cache.get(0n), undefined);
    assert.ok(cache.get(1n));
  });

  it('forgets the oldest replies beyond its bytes', () => {
    const cache = new ReplyCache();
    const fit = REPLY_CACHE_BYTES / REPLY_CACHE_LARGEST;
    for (let i = 0; i <= fit; i++) cache.put(BigInt(i), Buffer.alloc(REPLY_CACHE_LARGEST));
    assert.equal(cache.get(0n), undefined);
    assert.ok(cache.get(1n));
    assert.equal(cache.size, fit);
  });

  it('keeps no large reply, so that reads do not push out what was changed', () => {
    const cache = new ReplyCache();
    cache.put(1n, Buffer.from('changed'));
    for (let i = 2; i < 100; i++) cache.put(BigInt(i), Buffer.alloc(REPLY_CACHE_LARGEST + 1));
    assert.equal(cache.size, 1);
    assert.ok(cache.get(1n));
  });
});
