import assert from 'node:assert/strict';
import fs from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { TestMounts } from '../fixtures/mounts';
import { ground } from './mounted';

const INSIDE = /a folder can't be mounted inside itself/;
const COVERED = /the mount would cover what it shows/;

test('a folder is not mounted inside itself, whatever names, links and bind mounts lead there', async (t) => {
  const mounts = new TestMounts();
  t.after(() => mounts.dispose());
  const { mountAt } = await ground(t);
  const served = mounts.directory('served');
  const [inside, deep] = [mounts.directory('served/inside'), mounts.directory('served/deep/er')];
  const link = join(mounts.folder, 'link');
  fs.symlinkSync(deep, link);
  // The same folder, and a part of it, under another name.
  const whole = mounts.bind(served, mounts.directory('whole'));
  const part = mounts.bind(join(served, 'deep'), mounts.directory('part'));
  // What is mounted below the folder belongs to it.
  const elsewhere = mounts.directory('elsewhere');
  mounts.bind(elsewhere, mounts.directory('served/guest'));
  mounts.directory('elsewhere/inside');
  const disk = mounts.filesystem('tmpfs', mounts.directory('served/disk'));
  fs.mkdirSync(join(disk, 'inside'));
  const places = [served, inside, link, join(whole, 'inside'), join(part, 'er'), elsewhere];
  for (const at of [...places, join(elsewhere, 'inside'), join(disk, 'inside')]) {
    await assert.rejects(mountAt(served, at), INSIDE, at);
    await assert.rejects(mountAt('/', at), INSIDE, at);
  }
});

test('a folder is not mounted over itself, and beside itself it is', async (t) => {
  const mounts = new TestMounts();
  t.after(() => mounts.dispose());
  const { mountAt } = await ground(t);
  const served = mounts.directory('above/served');
  fs.writeFileSync(join(served, 'file'), 'content');
  const disk = mounts.filesystem('tmpfs', mounts.directory('above/disk'));
  const other = mounts.bind(join(mounts.folder, 'above'), mounts.directory('other'));
  for (const place of [served, disk]) {
    await assert.rejects(mountAt(place, join(mounts.folder, 'above')), COVERED, place);
    await assert.rejects(mountAt(place, other), COVERED, place);
  }
  const beside = await mountAt(served, mounts.directory('above/beside'));
  assert.equal(fs.readFileSync(join(beside.at, 'file'), 'utf8'), 'content');
  // Somebody's mount of a folder that holds nothing of this one's.
  const deeper = mounts.directory('further');
  const second = await mountAt(served, deeper);
  assert.equal(fs.readFileSync(join(second.at, 'file'), 'utf8'), 'content');
  for (const mounted of [second, beside]) await mounted.unmount();
});
