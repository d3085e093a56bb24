import assert from 'node:assert/strict';
import fs from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ground } from './mounted';

test('what is done in a mount is done on the host, and what the host has is there', async (t) => {
  const { folder, mount } = await ground(t);
  fs.writeFileSync(join(folder, 'there'), 'from the host');
  fs.mkdirSync(join(folder, 'deep/er'), { recursive: true });
  const served = await mount(folder);
  const { at } = served;
  assert.equal(fs.readFileSync(join(at, 'there'), 'utf8'), 'from the host');
  assert.deepEqual(fs.readdirSync(at).sort(), ['deep', 'there']);
  fs.writeFileSync(join(at, 'deep/er/made'), 'from the mount', { mode: 0o640 });
  assert.equal(fs.readFileSync(join(folder, 'deep/er/made'), 'utf8'), 'from the mount');
  assert.equal(fs.statSync(join(folder, 'deep/er/made')).mode & 0o777, 0o640);
  fs.renameSync(join(at, 'deep/er/made'), join(at, 'moved'));
  assert.deepEqual(fs.readdirSync(join(folder, 'deep/er')), []);
  assert.throws(() => fs.statSync(join(at, 'deep/er/made')), { code: 'ENOENT' });
  fs.appendFileSync(join(at, 'moved'), ', twice');
  assert.equal(fs.readFileSync(join(at, 'moved'), 'utf8'), 'from the mount, twice');
  fs.unlinkSync(join(at, 'moved'));
  assert.equal(fs.existsSync(join(folder, 'moved')), false);
  await served.unmount();
});
