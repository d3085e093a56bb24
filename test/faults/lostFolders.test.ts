// A folder with all in it is never the price of a copy or a rename, whatever was allowed to be replaced.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT_ID } from '../../src/protocol/brand';
import { ErrnoError } from '../../src/protocol/errno';
import { COPY_OVERWRITE } from '../../src/protocol/livemount';
import { FaultHostFs } from '../fixtures/faultHostFs';
import { namesIn, openHost, Places } from '../save/places';
import { SaveClient } from '../save/saveClient';

const errno = (code: string) => (error: unknown) => error instanceof ErrnoError && error.code === code;

/** What may replace what, as with rename(2); the error where it may not. */
const REPLACED: readonly (readonly [from: string, to: string, error: string | undefined])[] = [
  ['file', 'otherFile', undefined],
  ['file', 'empty', 'EISDIR'],
  ['file', 'full', 'EISDIR'],
  ['folder', 'otherFile', 'ENOTDIR'],
  ['folder', 'empty', undefined],
  ['folder', 'full', 'ENOTEMPTY'],
];

function fill(folder: string): void {
  writeFileSync(join(folder, 'file'), 'file');
  writeFileSync(join(folder, 'otherFile'), 'other');
  for (const name of ['folder', 'empty', 'full']) mkdirSync(join(folder, name));
  writeFileSync(join(folder, 'folder/inside'), 'inside');
  writeFileSync(join(folder, 'full/kept'), 'kept');
}

for (const op of ['COPY', 'RENAME'] as const) {
  test(`${op} with leave to replace: only a file replaces a file, only a folder an empty folder`, async () => {
    using places = new Places();
    for (const [from, to, error] of REPLACED) {
      const folder = places.folder(`${from}-${to}`);
      fill(folder);
      const client = new SaveClient(openHost(), folder);
      const fixed = op === 'COPY' ? { newdir: ROOT_ID, flags: COPY_OVERWRITE } : { newdir: ROOT_ID };
      const done = client.do(op, ROOT_ID, fixed as never, [from, to]);
      if (error === undefined) await done;
      else await assert.rejects(done, errno(error), `${from} over ${to}`);
      assert.equal(readFileSync(join(folder, 'full/kept'), 'utf8'), 'kept', `${from} over ${to}`);
      assert.equal(
        statSync(join(folder, to)).isDirectory(),
        error === undefined ? from === 'folder' : to !== 'otherFile',
      );
      assert.deepEqual(
        namesIn(folder).filter((name) => name.includes('livemount')),
        [],
      );
    }
  });
}

test('a folder that is put in the way, or filled, while a copy is made is given back', async () => {
  using places = new Places();
  for (const [from, to, meddle, error] of [
    ['file', 'otherFile', 'folder for file', 'EISDIR'],
    ['folder', 'empty', 'filled', 'ENOTEMPTY'],
    ['folder', 'empty', 'file for folder', 'ENOTDIR'],
  ] as const) {
    const folder = places.folder(meddle);
    fill(folder);
    const target = join(folder, to);
    let pending = true;
    const meddling = new FaultHostFs(openHost(), (call) => {
      if (call !== 'rename' || !pending) return undefined;
      pending = false;
      if (meddle === 'folder for file') {
        rmSync(target);
        mkdirSync(target);
      } else if (meddle === 'file for folder') {
        rmSync(target, { recursive: true });
        writeFileSync(target, 'theirs');
        return undefined;
      }
      writeFileSync(join(target, 'theirs'), 'theirs');
      return undefined;
    });
    const client = new SaveClient(meddling.host, folder);
    const done = client.do('COPY', ROOT_ID, { newdir: ROOT_ID, flags: COPY_OVERWRITE } as never, [from, to]);
    await assert.rejects(done, errno(error), meddle);
    const theirs = meddle === 'file for folder' ? target : join(target, 'theirs');
    assert.ok(existsSync(theirs), `${meddle}: ${namesIn(folder).join(' ')}`);
    assert.equal(readFileSync(theirs, 'utf8'), 'theirs');
    assert.deepEqual(
      namesIn(folder).filter((name) => name.includes('livemount')),
      [],
    );
  }
});
