import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { type Ground, ground, type Served } from './mounted';
import { until } from './until';

/** Makes a file on the host, and waits until the mount was told of it: what is told later is known here. */
async function make({ folder }: Ground, { at }: Served, name: string): Promise<void> {
  // What is known here changes with the host's word alone.
  fs.readFileSync(join(at, 'marker'));
  fs.writeFileSync(join(folder, name), '');
  fs.writeFileSync(join(folder, 'marker'), `made ${name}`);
  await until('the host’s word', async () => fs.readFileSync(join(at, 'marker'), 'utf8') === `made ${name}`);
}

test('who reads a directory slowly leaves no old listing to those who come later', async (t) => {
  const place = await ground(t);
  fs.writeFileSync(join(place.folder, 'marker'), '');
  const served = await place.mount(place.folder);
  await until('the lease', async () => (await served.ask('leased')) === 'true');
  assert.deepEqual(fs.readdirSync(served.at), ['marker']);
  assert.equal(fs.readFileSync(join(served.at, 'marker'), 'utf8'), '');

  const slow = fs.opendirSync(served.at);
  await make(place, served, 'made');
  assert.equal(slow.readSync()?.name, 'marker');
  while (slow.readSync() !== null);
  assert.deepEqual(fs.readdirSync(served.at).sort(), ['made', 'marker']);
  slow.closeSync();
  assert.deepEqual(fs.readdirSync(served.at).sort(), ['made', 'marker']);
  await served.unmount();
});

const REWIND = `
$| = 1;
opendir(my $directory, $ARGV[0]) or die;
my @before = readdir($directory); print scalar(@before), "\\n";
<STDIN>;
rewinddir($directory);
my @after = sort(readdir($directory)); print "@after\\n";
`;

test('a directory that is read from its beginning again shows what is there now', async (t) => {
  const place = await ground(t);
  fs.writeFileSync(join(place.folder, 'marker'), '');
  const served = await place.mount(place.folder);
  await until('the lease', async () => (await served.ask('leased')) === 'true');
  const reader = spawn('perl', ['-e', REWIND, served.at], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(() => reader.kill('SIGKILL'));
  const lines = createInterface({ input: reader.stdout });
  assert.deepEqual(await once(lines, 'line'), ['3']);
  await make(place, served, 'made');
  reader.stdin.end('on\n');
  assert.deepEqual(await once(lines, 'line'), ['. .. made marker']);
  if (reader.exitCode === null) await once(reader, 'exit');
  await served.unmount();
});
