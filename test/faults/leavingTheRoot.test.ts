// A client of `serve --root DIR` sees and changes what is below DIR, whatever it sends.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { ROOT_ID } from '../../src/protocol/brand';
import { ErrnoError } from '../../src/protocol/errno';
import { REMOVE_RECURSIVE, REMOVE_TRASH } from '../../src/protocol/livemount';
import type { OpName } from '../../src/protocol/opcodes';
import { namesIn, openHost, Places } from '../save/places';
import { SaveClient } from '../save/saveClient';

/** Each operation that takes a name, with the name wherever it takes one. */
const CALLS: readonly (readonly [OpName, object, (name: string) => readonly string[]])[] = [
  ['CREATE', { flags: 0, mode: 0o600, umask: 0, open_flags: 0 }, (name) => [name]],
  ['CREATE', { flags: 0o200000, mode: 0o600, umask: 0, open_flags: 0 }, (name) => [name]],
  ['MKNOD', { mode: 0o100600, rdev: 0, umask: 0 }, (name) => [name]],
  ['MKDIR', { mode: 0o700, umask: 0 }, (name) => [name]],
  ['SYMLINK', {}, (name) => [name, 'to']],
  ['UNLINK', {}, (name) => [name]],
  ['RMDIR', {}, (name) => [name]],
  ['RENAME2', { newdir: ROOT_ID, flags: 0 }, (name) => [name, 'new']],
  ['RENAME2', { newdir: ROOT_ID, flags: 0 }, (name) => ['file', name]],
  ['RENAME2', { newdir: ROOT_ID, flags: 2 }, (name) => ['file', name]],
  ['COPY', { newdir: ROOT_ID, flags: 0 }, (name) => [name, 'copy']],
  ['COPY', { newdir: ROOT_ID, flags: 1 }, (name) => ['file', name]],
  ['REMOVE', { flags: 0, count: 0 }, (name) => [name]],
  ['REMOVE', { flags: REMOVE_RECURSIVE, count: 0 }, (name) => [name]],
  ['REMOVE', { flags: REMOVE_TRASH, count: 0 }, (name) => [name]],
];

for (const name of ['..', '.', '../outside', 'sub/..', 'sub/../../outside', '/etc/passwd', '']) {
  test(`no operation goes by the name ${JSON.stringify(name)}`, async () => {
    using places = new Places();
    const root = places.folder('root/served');
    writeFileSync(join(root, 'file'), 'x');
    mkdirSync(join(root, 'sub'));
    writeFileSync(join(dirname(root), 'outside'), 'secret');
    const client = new SaveClient(openHost(), root);
    for (const [op, fixed, names] of CALLS) {
      await assert.rejects(
        client.do(op, ROOT_ID, fixed as never, names(name)),
        (error) => error instanceof ErrnoError && error.code === 'EINVAL',
        op,
      );
    }
    const fh = await client.stage(ROOT_ID, Buffer.from('x'));
    await assert.rejects(client.replace(ROOT_ID, name, fh));
    await client.release(fh);
    assert.deepEqual(namesIn(root), ['file', 'sub']);
    assert.deepEqual(namesIn(dirname(root)), ['outside', 'served']);
    assert.equal(readFileSync(join(dirname(root), 'outside'), 'utf8'), 'secret');
  });
}

test('above the root there is the root', async () => {
  using places = new Places();
  const client = new SaveClient(openHost(), places.folder('root'));
  const entry = await client.do('LOOKUP', ROOT_ID, undefined, ['..']);
  assert.equal(entry.nodeid, ROOT_ID);
});
