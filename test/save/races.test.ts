// Another program changes the file at any step of a save: what it wrote is never lost.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ErrnoError } from '../../src/protocol/errno';
import type { HostFs } from '../../src/server/host/hostFs';
import { eventually } from '../client/support/hostAgent';
import { FaultHostFs } from '../fixtures/faultHostFs';
import { namesIn, openHost, Places } from './places';
import type { SaveOptions } from '../../src/server/save/options';
import { Saves } from '../../src/server/save/saves';
import { optionsFor, SaveClient, type SaveRequest } from './saveClient';
import { ways } from './ways';

type Change = (file: string, content: string) => void;

const changes: Readonly<Record<string, Change>> = {
  // As git checkout, and most editors, do.
  'replaces it': (file, content) => {
    writeFileSync(`${file}.theirs`, content);
    renameSync(`${file}.theirs`, file);
  },
  'writes it in place': (file, content) => writeFileSync(file, content),
  'deletes it': (file) => rmSync(file, { force: true }),
  'deletes it and makes it anew': (file, content) => {
    rmSync(file, { force: true });
    writeFileSync(file, content);
  },
};

function savesWith(host: HostFs, folders: Partial<SaveOptions>): Saves {
  return new Saves(host, optionsFor(folders), { homeTrash: undefined, uid: 0, now: () => new Date() });
}

/** Saves once, with changes made just before some of the calls. */
async function saveAmong(
  places: Places,
  real: HostFs,
  wayName: string,
  edits: ReadonlyMap<number, () => void>,
  how: SaveRequest,
) {
  const folder = places.folder('fs/w');
  let count = 0;
  let armed = false;
  const { host, calls } = new FaultHostFs(real, (call, args) => {
    if (armed) edits.get(++count)?.();
    return ways[wayName]?.lack?.(call, args);
  });
  const client = new SaveClient(host, folder);
  const expect = await client.version('a');
  armed = true;
  const before = calls.length;
  const error = await client.save('a', 'ours', { ...how, ...(how.absent === undefined && { expect }) }).then(
    () => undefined,
    (failed: unknown) => failed,
  );
  return { error, steps: calls.slice(before) };
}

const atomic = [
  'over a file',
  'over a file, without unnamed files',
  'over a file, where unnamed files can not be named',
];

for (const way of atomic) {
  for (const [does, change] of Object.entries(changes)) {
    test(`${way}: somebody ${does} at any step, and has the last word or a conflict is answered`, async () => {
      using places = new Places();
      places.tmpfs('fs', 'size=16m');
      const real = openHost();
      const file = join(places.folder('fs/w'), 'a');
      let conflicts = 0;
      for (let at = 1; ; at++) {
        writeFileSync(file, 'old');
        const edits = new Map([[at, () => change(file, 'theirs')]]);
        const { error, steps } = await saveAmong(places, real, way, edits, {});
        if (at > steps.length) break;
        const where = `at ${at} (${steps[at - 1]}): ${error}`;
        if (error !== undefined) {
          assert.ok(error instanceof ErrnoError && error.code === 'EREMCHG', where);
          conflicts++;
        }
        const theirs = does === 'deletes it' ? undefined : 'theirs';
        assert.equal(existsSync(file) ? readFileSync(file, 'utf8') : undefined, theirs, where);
        assert.deepEqual(namesIn(join(places.top, 'fs/w')), theirs === undefined ? [] : ['a'], where);
      }
      assert.ok(conflicts > 5);
    });
  }

  test(`${way}: the file is replaced twice, at any two steps, and the second has the last word`, async () => {
    using places = new Places();
    places.tmpfs('fs', 'size=16m');
    const real = openHost();
    const file = join(places.folder('fs/w'), 'a');
    const replace = changes['replaces it'] as Change;
    let steps = Number.POSITIVE_INFINITY;
    for (let first = 1; first <= steps; first++) {
      for (let second = first + 1; second <= steps; second++) {
        writeFileSync(file, 'old');
        const edits = new Map([
          [first, () => replace(file, 'first')],
          [second, () => replace(file, 'second')],
        ]);
        const run = await saveAmong(places, real, way, edits, {});
        if (first === 1 && second > run.steps.length) steps = run.steps.length;
        if (second > run.steps.length) break;
        const where = `at ${first} and ${second} (${run.steps[first - 1]}, ${run.steps[second - 1]})`;
        assert.equal(readFileSync(file, 'utf8'), 'second', where);
        assert.deepEqual(namesIn(join(places.top, 'fs/w')), ['a'], where);
      }
      if (steps === Number.POSITIVE_INFINITY) steps = 40;
    }
  });
}

for (const way of atomic) {
  test(`${way}: somebody replaces it, and then the disk fails for a while, and what they wrote is kept`, async () => {
    using places = new Places();
    places.tmpfs('fs', 'size=16m');
    const real = openHost();
    const folder = places.folder('fs/w');
    const folders = {
      runFolder: Buffer.from(places.folder('fs/run')),
      stateFolder: Buffer.from(places.folder('fs/state')),
    };
    const file = join(folder, 'a');
    const replace = changes['replaces it'] as Change;
    let steps = 40;
    for (let at = 1; at <= steps; at++) {
      for (let failing = at; failing <= steps; failing++) {
        for (const span of [1, 2]) {
          writeFileSync(file, 'old');
          let count = Number.NEGATIVE_INFINITY;
          const meddling = new FaultHostFs(real, (call, args) => {
            if (++count === at) replace(file, 'theirs');
            return ways[way]?.lack?.(call, args);
          });
          const client = new SaveClient(meddling.host, folder, savesWith(meddling.host, folders));
          const expect = await client.version('a');
          count = 0;
          meddling.arm('EIO', failing, span);
          await client.save('a', 'ours', { expect }).catch((error) => assert.ok(error instanceof ErrnoError));
          steps = Math.min(steps, Math.max(count, 36));
          if (count < at) continue;
          const next = savesWith(real, folders);
          await next.unfinished.recover();
          const kept = next.unfinished.list().map((save) => readFileSync(save.kept, 'utf8'));
          const where = `at ${at} (${meddling.calls[at - 1]}), EIO at ${failing} (${meddling.calls[failing - 1]}), ${span}`;
          assert.ok([readFileSync(file, 'utf8'), ...kept].includes('theirs'), where);
          for (const { id } of next.unfinished.list()) await next.unfinished.discard(id);
          await next.close();
          assert.deepEqual(namesIn(folder), ['a'], where);
        }
      }
    }
  });
}

test('a directory that takes the file’s place at any step is not touched', async () => {
  using places = new Places();
  places.tmpfs('fs', 'size=16m');
  const real = openHost();
  const file = join(places.folder('fs/w'), 'a');
  for (let at = 1; ; at++) {
    writeFileSync(file, 'old');
    const swap = () => {
      rmSync(file, { force: true });
      mkdirSync(file);
    };
    const { error, steps } = await saveAmong(places, real, 'over a file', new Map([[at, swap]]), {});
    if (at > steps.length) break;
    const where = `at ${at} (${steps[at - 1]}): ${error}`;
    if (error !== undefined) assert.match((error as ErrnoError).code, /^(EISDIR|EREMCHG)$/, where);
    assert.deepEqual(namesIn(join(places.top, 'fs/w')), ['a'], where);
    rmdirSync(file);
  }
});

test('a save that expects nothing wins over what is written meanwhile, whole', async () => {
  using places = new Places();
  places.tmpfs('fs', 'size=16m');
  const real = openHost();
  const file = join(places.folder('fs/w'), 'a');
  const replace = changes['replaces it'] as Change;
  for (let at = 1; ; at++) {
    writeFileSync(file, 'old');
    const edits = new Map([[at, () => replace(file, 'theirs')]]);
    const { error, steps } = await saveAmong(places, real, 'over a file', edits, { absent: false });
    if (at > steps.length) break;
    assert.equal(error, undefined, `at ${at} (${steps[at - 1]})`);
    assert.match(readFileSync(file, 'utf8'), /^(ours|theirs)$/);
    assert.deepEqual(namesIn(join(places.top, 'fs/w')), ['a']);
  }
});

test('while another process replaces the file all the time every save is whole, or a conflict', async () => {
  using places = new Places();
  const folder = places.folder('w');
  const file = join(folder, 'a');
  writeFileSync(file, 'theirs 0\n');
  const program = `const fs = require('fs'), file = process.argv[1];
    for (let n = 1; ; n++) { fs.writeFileSync(file + '.theirs', 'theirs ' + n + '\\n'); fs.renameSync(file + '.theirs', file); }`;
  const other = spawn(process.execPath, ['-e', program, file], { stdio: 'ignore' });
  const ended = once(other, 'exit');
  let saved = 0;
  let conflicts = 0;
  try {
    await eventually('it has begun', () => readFileSync(file, 'utf8') !== 'theirs 0\n');
    const client = new SaveClient(openHost(), folder);
    for (let n = 0; n < 150; n++) {
      try {
        const { version } = await client.save('a', `ours ${n}\n`, { expect: await client.version('a') });
        assert.equal(version.size, BigInt(`ours ${n}\n`.length));
        saved++;
      } catch (error) {
        // There is no moment without a file of that name.
        assert.ok(error instanceof ErrnoError && /^(EREMCHG|ESTALE)$/.test(error.code), String(error));
        conflicts++;
      }
      assert.match(readFileSync(file, 'utf8'), /^(ours|theirs) \d+\n$/);
    }
  } finally {
    other.kill('SIGKILL');
    await ended;
  }
  assert.ok(saved + conflicts === 150 && conflicts > 0, `${saved} saved, ${conflicts} conflicts`);
  assert.deepEqual(
    namesIn(folder).filter((name) => name !== 'a.theirs'),
    ['a'],
  );
});
