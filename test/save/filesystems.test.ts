// The same saves on every kind of filesystem that can be made here.
import assert from 'node:assert/strict';
import { chmodSync, linkSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ErrnoError } from '../../src/protocol/errno';
import { REPLACE_FSYNC, ReplaceHow } from '../../src/protocol/livemount';
import { KernelMount } from '../kernel/kernelMount';
import { namesIn, openHost, Places } from './places';
import { SaveClient } from './saveClient';

const errno = (code: string) => (error: unknown) => error instanceof ErrnoError && error.code === code;

interface Place {
  readonly folder: string;
  /** Makes a file that was there before, wherever the filesystem keeps such. */
  readonly old: (name: string) => void;
}

const filesystems: Readonly<Record<string, (places: Places, t: TestContext) => Place | Promise<Place>>> = {
  tmpfs: (places) => plain(places.tmpfs('w', 'size=32m')),
  ext4: (places) => plain(places.image('w', 'ext4', 32)),
  'ext4 without delayed allocation': (places) => plain(places.image('w', 'ext4', 32, 'nodelalloc')),
  xfs: (places) => plain(places.image('w', 'xfs', 320)),
  btrfs: (places) => plain(places.image('w', 'btrfs', 128)),
  'an overlay, with the file in its lower layer': (places) => {
    places.tmpfs('base', 'size=32m');
    const [lower, upper, work] = ['lower', 'upper', 'work'].map((name) => places.folder(`base/${name}`));
    const folder = places.folder('w');
    return {
      folder,
      old: (name) => {
        writeFileSync(join(lower ?? '', name), 'old', { mode: 0o640 });
        places.mount('overlay', 'overlay', folder, `lowerdir=${lower},upperdir=${upper},workdir=${work}`);
      },
    };
  },
  'a FUSE filesystem': async (places, t) => {
    const mount = await KernelMount.of(places.folder('served'));
    t.after(() => mount.dispose());
    return plain(mount.path);
  },
};

function plain(folder: string): Place {
  return { folder, old: (name) => writeFileSync(join(folder, name), 'old', { mode: 0o640 }) };
}

for (const [name, make] of Object.entries(filesystems)) {
  test(`saves on ${name}`, async (t) => {
    using places = new Places();
    const { folder, old } = await make(places, t);
    old('a');
    const file = join(folder, 'a');
    const others = namesIn(folder).filter((other) => other !== 'a');
    const client = new SaveClient(openHost(), folder);

    const first = await client.save('a', 'new', { expect: await client.version('a') });
    assert.equal(first.how, ReplaceHow.RENAMED);
    assert.equal(readFileSync(file, 'utf8'), 'new');
    assert.equal(statSync(file).mode & 0o7777, 0o640);
    assert.deepEqual(first.version, await client.version('a'));

    const second = await client.save('a', 'newer', { expect: first.version, flags: REPLACE_FSYNC });
    writeFileSync(file, 'theirs');
    await assert.rejects(client.save('a', 'x', { expect: second.version }), errno('EREMCHG'));
    assert.equal(readFileSync(file, 'utf8'), 'theirs');

    const made = await client.save('made', 'x', { absent: true });
    assert.equal(made.how, ReplaceHow.CREATED);
    await assert.rejects(client.save('made', 'y', { absent: true }), errno('EEXIST'));

    linkSync(file, join(folder, 'twin'));
    chmodSync(file, 0o600);
    const inPlace = await client.save('a', 'in place', { expect: await client.version('a') });
    assert.equal(inPlace.how, ReplaceHow.IN_PLACE);
    assert.equal(readFileSync(join(folder, 'twin'), 'utf8'), 'in place');

    await client.do('SYNCFS', await client.walk(''), {} as never);
    assert.deepEqual(namesIn(folder), [...others, 'a', 'made', 'twin'].sort());
  });
}
