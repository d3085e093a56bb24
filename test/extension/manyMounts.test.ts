import assert from 'node:assert/strict';
import { test } from 'node:test';
import './support/fakeVscode';
import type { SuperblockView } from '../../src/client/vfs';
import { groupMounts } from '../../src/extension/views/mountGroups';
import { ShownMounts } from '../../src/extension/views/shownMounts';
import type { Mask, SuperblockId } from '../../src/protocol/brand';
import { MOUNT_HIDDEN, MountAction } from '../../src/protocol/livemount';
import { MOUNT_AT_REST } from '../client/support/mountAtRest';

/** How often mount points were looked at. */
let looks = 0;

function view(
  mountpoint: string,
  more: Partial<SuperblockView> & { readonly flags?: number } = {},
): SuperblockView {
  const { flags = 0, ...rest } = more;
  return {
    mount: {
      sb: 1n as SuperblockId,
      parent: 1n as SuperblockId,
      action: MountAction.PRESENT,
      flags,
      major: 0,
      minor: 1,
      mountId: 1,
      backend: 'fanotify',
      mountpoint: Buffer.from(mountpoint),
      fstype: 'tmpfs',
      source: 'tmpfs',
      options: '',
      reason: '',
      unwatched: [],
      pollMs: 0,
    },
    name: '0:1@1',
    get mountpoint() {
      looks++;
      return mountpoint;
    },
    ...MOUNT_AT_REST,
    ...rest,
  };
}

const places = (views: readonly SuperblockView[]) => views.map(({ mountpoint }) => mountpoint);

test('mounts in an open folder, below it, and the one that holds it are shown first', () => {
  const views = [
    view('/'),
    view('/home'),
    view('/home/me/project/b'),
    view('/home/me/project/a'),
    view('/srv'),
    view('/home/me/projectshop'),
  ];
  const { concerned, elsewhere } = groupMounts(views, ['/home/me/project']);
  assert.deepEqual(places(concerned), ['/home', '/home/me/project/a', '/home/me/project/b']);
  assert.deepEqual(places(elsewhere), ['/', '/home/me/projectshop', '/srv']);
});

test('a mount that something watches or waits for is shown wherever it is, a hidden one nowhere', () => {
  const views = [
    view('/watched', { aggregated: 2 as Mask }),
    view('/asked', { inFlight: 1 }),
    view('/hidden', { flags: MOUNT_HIDDEN }),
    view('/idle'),
  ];
  const { concerned, elsewhere } = groupMounts(views, []);
  assert.deepEqual(places(concerned), ['/asked', '/watched']);
  assert.deepEqual(places(elsewhere), ['/idle']);
});

test('the work of grouping grows with the mounts, and not with their square', () => {
  const counted = (count: number) => {
    const views = Array.from({ length: count }, (_, i) => view(`/srv/m${i}`));
    looks = 0;
    groupMounts(views, ['/srv/m1/project', '/elsewhere', '/srv']);
    return looks;
  };
  // Sorting looks at each log n times.
  assert.ok(counted(1000) <= 30 * 1000, `${counted(1000)} looks at 1,000 mounts`);
  assert.ok(counted(4000) < 6 * counted(1000));
});

test('a thousand mounts are looked at once, and a file that is none of them not at all', () => {
  const shown = new ShownMounts();
  const views = Array.from({ length: 1000 }, (_, i) => view(`/srv/m${i}`));
  looks = 0;
  assert.equal(shown.update(views).length, 1000);
  assert.ok(looks <= 2000, `${looks} looks`);
  looks = 0;
  for (let i = 0; i < 10_000; i++) assert.equal(shown.at(`/srv/m1/file${i}`), undefined);
  assert.match(shown.at('/srv/m7')?.words ?? '', /tmpfs mounted here/);
  assert.equal(looks, 0);
});

test('only what differs is drawn again', () => {
  const shown = new ShownMounts();
  const views = Array.from({ length: 1000 }, (_, i) => view(`/srv/m${i}`));
  shown.update(views);
  assert.deepEqual(shown.update(views), []);
  const later = [...views.slice(1), view('/srv/new')];
  later[5] = view('/srv/m6', { notResponding: true });
  assert.deepEqual(shown.update(later).sort(), ['/srv/m0', '/srv/m6', '/srv/new']);
  assert.equal(shown.at('/srv/m6')?.notResponding, true);
});
