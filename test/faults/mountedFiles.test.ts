import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { beforeRemoval, scratch } from '../client/support/hostAgent';
import { confined, reads } from './confinedAgent';

for (const backend of ['fanotify', 'inotify', 'poll'] as const) {
  test(`a file that another one is mounted on is reported and never shown old (${backend})`, async (t) => {
    const dir = scratch(t);
    const folder = join(dir, 'b');
    const source = join(dir, 'src');
    const file = join(folder, 'f');
    fs.mkdirSync(folder);
    fs.writeFileSync(source, 'one');
    fs.writeFileSync(file, '');
    execFileSync('mount', ['--bind', source, file]);
    beforeRemoval(t, () => execFileSync('umount', [file]));
    const { vfs, watch, changes, told } = await confined(t, { backend });
    await watch(folder);
    await reads(vfs, file, 'one');
    for (const content of ['two', 'three, longer']) {
      changes.length = 0;
      fs.writeFileSync(source, content);
      await told('modify', file);
      await reads(vfs, file, content);
    }
    changes.length = 0;
    fs.appendFileSync(file, ', and four');
    await told('modify', file);
    await reads(vfs, file, 'three, longer, and four');
  });
}
