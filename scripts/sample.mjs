// A folder worth looking at: sources, a mount inside where the machine allows one, and a program that changes files.
import { execFileSync } from 'node:child_process';
import { appendFile, mkdir, mkdtemp, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** The clock and the log change this often: fast enough to be seen, slow enough to be read. */
const TICK_MS = 1000;

/**
 * Makes the folder and starts changing it.
 * @returns {Promise<{ folder: string, stop(): Promise<void> }>}
 */
export async function liveSample(log = () => {}) {
  const folder = await mkdtemp(path.join(tmpdir(), 'livemount-sample-'));
  for (const name of ['src', 'logs', 'visitors', 'tmpfs-mount']) await mkdir(path.join(folder, name));
  await writeFile(
    path.join(folder, 'README.md'),
    [
      '# A live folder',
      '',
      'This folder lies on another host (here: an SSH server of your own machine). Programs there change it all the time:',
      '',
      '* `logs/build.log`, on the right, grows by a line a second.',
      '* In `visitors`, on the left, files come and go.',
      '* `clock.txt` changes every second: open it and watch.',
      '* `tmpfs-mount` is another filesystem (where this machine lets us mount one): hover over it.',
      '',
      'Try it yourself:',
      '',
      '* Edit anything and save: it is on the host at once.',
      '* Click the Livemount icon at the very left: the host, its mounts, and what happened last.',
      '* Run “Livemount: Explain This File” on any file.',
      '',
    ].join('\n'),
  );
  await writeFile(
    path.join(folder, 'src/hello.c'),
    '#include <stdio.h>\n\nint main(void) {\n  puts("hello");\n}\n',
  );
  const unmount = mountTmpfs(path.join(folder, 'tmpfs-mount'), log);
  await writeFile(path.join(folder, 'tmpfs-mount/inside.txt'), 'This file lies on its own filesystem.\n');

  let tick = 0;
  const change = async () => {
    tick++;
    const time = new Date().toISOString();
    await writeFile(path.join(folder, 'clock.txt'), `${time}\n`);
    await appendFile(path.join(folder, 'logs/build.log'), `${time} step ${tick} done\n`);
    if (tick % 3 === 0) await writeFile(path.join(folder, `visitors/guest-${tick}.txt`), `came ${time}\n`);
    if (tick % 3 === 0 && tick > 9) await unlink(path.join(folder, `visitors/guest-${tick - 9}.txt`));
  };
  await change();
  let changing = Promise.resolve();
  const timer = setInterval(() => {
    // A file that the visitor removed in the editor is no reason to stop.
    changing = changing.then(change).catch((error) => log(`sample: ${error.message}`));
  }, TICK_MS);

  return {
    folder,
    async stop() {
      clearInterval(timer);
      await changing;
      unmount();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Mounts a small tmpfs; without the right to, the folder stays a plain one. Returns what unmounts it. */
function mountTmpfs(folder, log) {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'livemount-sample', folder], { stdio: 'pipe' });
    return () => execFileSync('umount', [folder]);
  } catch {
    log('mounting needs root here; the sample has no mount inside');
    return () => {};
  }
}
