import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { Mask } from '../../src/protocol/brand';
import { aggregate, describeMask, IN_ALL_EVENTS, In, wantedEvents } from '../../src/protocol/mask';

const masks = fc.integer({ min: 0, max: 0xffffffff }).map((bits) => bits as Mask);

test('an aggregated mask holds what any of its marks asks for, and nothing else', () => {
  fc.assert(
    fc.property(fc.array(masks), (some) => {
      const all = aggregate(some);
      for (let bit = 0; bit < 32; bit++) {
        const asked = some.some((mask) => ((mask >>> bit) & 1) === 1);
        assert.equal(((all >>> bit) & 1) === 1, asked);
      }
      assert.ok(all >= 0);
    }),
  );
});

test('aggregating knows no order and no repetition', () => {
  fc.assert(
    fc.property(fc.array(masks), masks, (some, one) => {
      assert.equal(aggregate([...some, one, one]), aggregate([one, ...some.reverse()]));
      assert.equal(aggregate([aggregate(some), one]), aggregate([...some, one]));
    }),
  );
});

test('only event bits are left of a mask asked for, and a mask without any is EINVAL', () => {
  fc.assert(
    fc.property(masks, (mask) => {
      if ((mask & IN_ALL_EVENTS) === 0) assert.throws(() => wantedEvents(mask), { code: 'EINVAL' });
      else assert.equal(wantedEvents(mask), mask & IN_ALL_EVENTS);
    }),
  );
  for (const added of [In.IGNORED, In.UNMOUNT, In.ONESHOT, In.EXCL_UNLINK, In.ISDIR, In.Q_OVERFLOW]) {
    assert.throws(() => wantedEvents(added), { code: 'EINVAL' });
    assert.equal(wantedEvents(added | In.CREATE), In.CREATE);
  }
});

test('a mask is described in words', () => {
  assert.equal(describeMask((In.CREATE | In.MOVED_FROM | In.MOVED_TO) as Mask), 'create, rename');
  assert.equal(describeMask(0 as Mask), 'nothing');
});
