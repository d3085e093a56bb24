import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Mask } from '../../src/protocol/brand';
import { MARK_SUBTREE, MARK_VISIBLE } from '../../src/protocol/livemount';
import { In, IN_CHANGES } from '../../src/protocol/mask';
import type { BytePath } from '../../src/server/watch/bytePath';
import { EXCLUDE_CASES } from '../protocol/excludeCases';
import { Coverage, compileMark } from '../../src/server/watch/arming/coverage';

const at = (text: string) => Buffer.from(text).toString('latin1') as BytePath;

function mark(
  path: string,
  options: { recursive?: boolean; excludes?: string[]; mask?: number; visible?: boolean } = {},
) {
  const { recursive = true, excludes = [], mask = IN_CHANGES, visible = false } = options;
  const flags = (recursive ? MARK_SUBTREE : 0) | (visible ? MARK_VISIBLE : 0);
  return compileMark({ path: Buffer.from(path), mask: mask as Mask, flags, excludes });
}

for (const { globs, path, excluded } of EXCLUDE_CASES) {
  if (path === '') continue;
  test(`a mark that excludes ${globs.join(' ')} ${excluded ? 'leaves out' : 'covers'} "${path}"`, () => {
    const coverage = new Coverage([mark('w', { excludes: [...globs] })]);
    assert.equal(coverage.maskOf(at(`w/${path}`)), excluded ? 0 : IN_CHANGES);
  });
}

test('a mark whose braces stand for too much is refused', () => {
  assert.throws(() => mark('w', { excludes: [`${'{a,b}'.repeat(16)}0`] }), { code: 'EINVAL' });
});

test('a recursive mark covers what lies below it, and itself', () => {
  const coverage = new Coverage([mark('src')]);
  assert.equal(coverage.maskOf(at('src/a/b')), IN_CHANGES);
  assert.equal(coverage.maskOf(at('src')), IN_CHANGES);
  assert.equal(coverage.maskOf(at('srcs/a')), 0);
  assert.equal(coverage.needs(at('src/a')), true);
  assert.equal(coverage.needs(at('other')), false);
});

test('another mark covers the object and its entries, no more', () => {
  const coverage = new Coverage([mark('src', { recursive: false })]);
  assert.equal(coverage.maskOf(at('src/a')), IN_CHANGES);
  assert.equal(coverage.maskOf(at('src/a/b')), 0);
  assert.equal(coverage.needs(at('src/a')), false);
});

test('masks of several marks on an object are one', () => {
  const coverage = new Coverage([mark('src', { mask: In.CREATE }), mark('src/a', { mask: In.DELETE })]);
  assert.equal(coverage.maskOf(at('src/a')), In.CREATE | In.DELETE);
  assert.equal(coverage.maskOf(at('src/b')), In.CREATE);
  assert.equal(coverage.mask, In.CREATE | In.DELETE);
});

test('the way to a mark is watched for the names that lead there', () => {
  const coverage = new Coverage([mark('home/user/project', { recursive: false })]);
  assert.deepEqual([...(coverage.leadsTo(at('')) ?? [])], ['home']);
  assert.equal(coverage.wants(at('home'), at('user')), true);
  assert.equal(coverage.wants(at('home'), at('other')), false);
  assert.equal(coverage.maskOf(at('home/user')), 0, 'but nothing is told of it');
});

test('what is excluded is neither reported nor descended into, unless another mark covers it', () => {
  const excludes = ['**/node_modules/**', '**/*.log'];
  const one = new Coverage([mark('src', { excludes })]);
  assert.equal(one.needs(at('src/node_modules')), false);
  assert.equal(one.wants(at('src'), at('node_modules')), true, 'the folder itself is told');
  assert.equal(one.maskOf(at('src/node_modules/x/y')), 0);
  assert.equal(one.maskOf(at('src/a.log')), 0);
  const two = new Coverage([mark('src', { excludes }), mark('src/node_modules/x')]);
  assert.equal(two.maskOf(at('src/node_modules/x/y')), IN_CHANGES);
  assert.equal(two.maskOf(at('src/node_modules/z/y')), 0);
});

test('globs may be absolute or dotted; an absolute one that lies elsewhere says nothing', () => {
  const coverage = new Coverage([
    mark('home/me/src', { excludes: ['/home/me/src/out/**', '.git/objects/**', '/top'] }),
  ]);
  assert.equal(coverage.maskOf(at('home/me/src/out/a')), 0);
  assert.equal(coverage.needs(at('home/me/src/.git/objects/ab')), false);
  assert.equal(coverage.needs(at('home/me/src/.git/refs')), true);
  assert.equal(coverage.maskOf(at('home/me/src/top')), IN_CHANGES);
});

test('names that are not ASCII are matched as text', () => {
  const coverage = new Coverage([mark('src', { excludes: ['**/größe/**'] })]);
  assert.equal(coverage.needs(at('src/größe')), false);
});

test('a mark that somebody looks at makes its directory visible', () => {
  const coverage = new Coverage([mark('src'), mark('src/open', { recursive: false, visible: true })]);
  assert.equal(coverage.visible(at('src/open')), true);
  assert.equal(coverage.visible(at('src/other')), false);
});

test('a mask without an event is refused', () => {
  assert.throws(() => mark('src', { mask: In.IGNORED | In.UNMOUNT }), { code: 'EINVAL' });
});

test('a file that somebody looks at makes the directory it lies in visible, for that is what is polled', () => {
  const coverage = new Coverage([mark('src/f', { recursive: false, visible: true }), mark('other')]);
  assert.equal(coverage.visible(at('src')), true);
  assert.equal(coverage.visible(at('other')), false);
  assert.equal(coverage.visible(at('')), false);
});
