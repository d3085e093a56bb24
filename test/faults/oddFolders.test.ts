// Folders that behave as few do: a save leaves nothing in them that was not there, and nothing is moved where others look.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT_ID } from '../../src/protocol/brand';
import { ErrnoError } from '../../src/protocol/errno';
import { REMOVE_TRASH, ReplaceHow } from '../../src/protocol/livemount';
import { Saves } from '../../src/server/save/saves';
import { FaultHostFs } from '../fixtures/faultHostFs';
import { namesIn, openHost, Places } from '../save/places';
import { optionsFor, SaveClient } from '../save/saveClient';

for (const without of ['', 'openUnnamed']) {
  test(`saves in a folder that gives no name back (chattr +a) leave no litter${without && ', without O_TMPFILE'}`, async () => {
    using places = new Places();
    const folder = places.image('fs', 'ext4', 64);
    const work = join(folder, 'w');
    mkdirSync(work);
    writeFileSync(join(work, 'f'), 'old');
    execFileSync('setfacl', ['-d', '-m', 'u:42:rw', work]);
    execFileSync('chattr', ['+a', work]);
    try {
      const { host } = new FaultHostFs(openHost(), (call) => (call === without ? 'EOPNOTSUPP' : undefined));
      const options = optionsFor({ stateFolder: Buffer.from(places.folder('state', 0o700)) });
      const trash = { homeTrash: undefined, uid: undefined, now: () => new Date() };
      const client = new SaveClient(host, work, new Saves(host, options, trash));
      for (const content of ['new', 'newer', 'newest']) {
        const { how } = await client.save('f', content);
        assert.equal(how, ReplaceHow.IN_PLACE);
        assert.equal(readFileSync(join(work, 'f'), 'utf8'), content);
      }
      if (without === '') {
        assert.equal((await client.save('made', 'x')).how, ReplaceHow.CREATED);
        assert.equal(statSync(join(work, 'made')).mode & 0o700, 0o600);
      }
      assert.deepEqual(namesIn(work), without === '' ? ['f', 'made'] : ['f']);
    } finally {
      execFileSync('chattr', ['-a', work]);
    }
  });
}

/** What may stand where the trash at the top of a disk is to be. */
const TRASHES: readonly { what: string; make: (trash: string) => void; used: boolean }[] = [
  { what: 'nothing', make: () => undefined, used: true },
  { what: 'a private one', make: (trash) => mkdirSync(trash, { mode: 0o700 }), used: true },
  {
    what: 'a folder of ours that others may write in',
    make: (trash) => folderOf(trash, 0, 0o777),
    used: false,
  },
  { what: 'somebody else’s', make: (trash) => folderOf(trash, 42, 0o700), used: false },
  {
    what: 'one with a part that others may write in',
    make: (trash) => {
      folderOf(trash, 0, 0o700);
      folderOf(join(trash, 'files'), 0, 0o777);
    },
    used: false,
  },
  {
    what: 'one with a part that is a link',
    make: (trash) => {
      folderOf(trash, 0, 0o700);
      symlinkSync('/tmp', join(trash, 'files'));
    },
    used: false,
  },
];

function folderOf(path: string, uid: number, mode: number): void {
  mkdirSync(path);
  chownSync(path, uid, uid);
  chmodSync(path, mode);
}

for (const { what, make, used } of TRASHES) {
  test(`a file goes ${used ? '' : 'nowhere rather than '}to the trash of a shared disk where there is ${what}`, async () => {
    using places = new Places();
    const disk = places.tmpfs('disk', 'mode=1777');
    const trash = join(disk, '.Trash-0');
    make(trash);
    writeFileSync(join(disk, 'file'), 'x');
    linkSync(join(disk, 'file'), join(disk, 'same'));
    const host = openHost();
    const saves = new Saves(host, optionsFor(), { homeTrash: undefined, uid: 0, now: () => new Date() });
    const client = new SaveClient(host, disk, saves);
    const moved = client.do('REMOVE', ROOT_ID, { flags: REMOVE_TRASH, count: 0 } as never, ['file']);
    if (used) {
      await moved;
      assert.deepEqual(namesIn(join(trash, 'files')), ['file']);
    } else {
      await assert.rejects(moved, (error) => error instanceof ErrnoError && error.code === 'EOPNOTSUPP');
      assert.equal(readFileSync(join(disk, 'file'), 'utf8'), 'x');
    }
  });
}
