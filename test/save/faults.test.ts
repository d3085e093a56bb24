// Every step of every way to save, and everything that can go wrong there.
import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ErrnoError, type ErrnoName } from '../../src/protocol/errno';
import type { HostFs } from '../../src/server/host/hostFs';
import type { SaveOptions } from '../../src/server/save/options';
import { Saves } from '../../src/server/save/saves';
import { type Fault, FaultHostFs } from '../fixtures/faultHostFs';
import { namesIn, openHost, Places } from './places';
import { optionsFor, SaveClient } from './saveClient';
import { type Way, ways } from './ways';

const OLD = `old ${'o'.repeat(3000)}`;
const NEW = `new ${'n'.repeat(2000)}`;
const ERRORS: readonly ErrnoName[] = ['EIO', 'ENOSPC', 'EDQUOT', 'EROFS', 'EACCES'];
const DEATHS: readonly Fault[] = ['killed before', 'killed after'];
const NO_TRASH = { homeTrash: undefined, uid: 0, now: () => new Date() };

interface Outcome {
  readonly saved: boolean;
  readonly error: unknown;
}

/** One save with one fault, in folders of its own. */
async function runOnce(places: Places, host: HostFs, way: Way, fault: Fault, at: number, span = 1) {
  for (const name of ['w', 'run', 'state'])
    rmSync(join(places.top, 'fs', name), { recursive: true, force: true });
  const folder = places.folder('fs/w');
  const folders = {
    runFolder: Buffer.from(places.folder('fs/run')),
    stateFolder: Buffer.from(places.folder('fs/state')),
  };
  const file = join(folder, 'a');
  if (!way.isNew) {
    writeFileSync(file, OLD);
    chmodSync(file, 0o640);
    way.prepare?.(file);
  }
  const before = namesIn(folder);
  const faulty = new FaultHostFs(host, way.lack);
  const saves = new Saves(faulty.host, optionsFor(folders), NO_TRASH);
  const client = new SaveClient(faulty.host, folder, saves);
  faulty.arm(fault, at, span);
  const settled: Promise<Outcome> = client.save('a', NEW, { chunk: 1000, ...way.how }).then(
    () => ({ saved: true, error: undefined }),
    (error: unknown) => ({ saved: false, error }),
  );
  const outcome = await Promise.race([settled, faulty.killed]);
  const steps = [...faulty.calls];
  const content = () => (existsSync(file) ? readFileSync(file, 'utf8') : undefined);
  return { outcome, steps, folder, folders, before, content, host, faulty };
}

/** What the file may hold: what it held, or all of what was saved. */
function assertWhole(content: string | undefined, way: Way, where: string): void {
  assert.ok(
    content === NEW || content === (way.isNew ? undefined : OLD),
    `${where}: ${content?.slice(0, 80)}`,
  );
}

/** The names there were, and the file if it was saved. */
function expectedNames(run: { before: string[]; content: () => string | undefined }): string[] {
  const saved = run.content() === undefined ? [] : ['a'];
  return [...new Set([...run.before, ...saved])].sort();
}

/** The next agent goes through what is left, and the user takes back what it offers. */
async function recoverAll(run: { host: HostFs; folders: Partial<SaveOptions> }): Promise<number> {
  const next = new Saves(run.host, optionsFor(run.folders), NO_TRASH);
  await next.unfinished.recover();
  const unfinished = next.unfinished.list();
  for (const { id } of unfinished) await next.unfinished.restore(id);
  return unfinished.length;
}

const filesOf = (folder: Buffer) => namesIn(folder.toString()).filter((name) => !name.endsWith('.saves'));

for (const [name, way] of Object.entries(ways)) {
  test(`${name}: any error at any step leaves the old or the new file, whole, and no litter`, async () => {
    using places = new Places();
    places.tmpfs('fs', 'size=64m');
    const host = openHost();
    let steps = Number.POSITIVE_INFINITY;
    for (const fault of ERRORS) {
      for (let at = 1; at <= steps; at++) {
        const run = await runOnce(places, host, way, fault, at);
        const where = `${fault} at ${at} (${run.steps[at - 1] ?? 'none'})`;
        assert.ok(run.outcome !== undefined, where);
        const { saved, error } = run.outcome;
        assertWhole(run.content(), way, where);
        if (saved) {
          assert.equal(run.content(), NEW, where);
          assert.equal(statSync(join(run.folder, 'a')).mode & 0o7777, way.isNew ? 0o644 : 0o640, where);
        } else assert.ok(error instanceof ErrnoError && error.code === fault, `${where}: ${error}`);
        if (at > run.steps.length) steps = at - 1;
        // What could not be removed is noted, and the next agent's to remove.
        if (run.steps[at - 1] === 'unlink') await recoverAll(run);
        assert.deepEqual(namesIn(run.folder), expectedNames(run), where);
        assert.deepEqual(filesOf(run.folders.stateFolder), [], where);
      }
    }
    assert.ok(steps > 8, 'the way has steps');
  });

  test(`${name}: killed at any step, the next agent finds the old or the new file, whole, or can restore it`, async () => {
    using places = new Places();
    places.tmpfs('fs', 'size=64m');
    const host = openHost();
    for (const fault of DEATHS) {
      for (let at = 1; ; at++) {
        const run = await runOnce(places, host, way, fault, at);
        if (run.outcome !== undefined) break;
        const where = `${fault} ${at} (${run.steps.at(-1)})`;
        const restored = await recoverAll(run);
        assert.ok(restored <= 1, where);
        if (restored === 0) assertWhole(run.content(), way, where);
        else assert.equal(run.content(), OLD, where);
        assert.deepEqual(namesIn(run.folder), expectedNames(run), where);
        assert.deepEqual(filesOf(run.folders.stateFolder), [], where);
      }
    }
  });

  test(`${name}: a disk that fails from any step on leaves the old or the new file, whole, or a backup`, async () => {
    using places = new Places();
    places.tmpfs('fs', 'size=64m');
    const host = openHost();
    for (let at = 1; ; at++) {
      const run = await runOnce(places, host, way, 'EIO', at, Number.POSITIVE_INFINITY);
      if (run.outcome?.saved && at > run.steps.length) break;
      const where = `EIO from ${at} (${run.steps[at - 1]})`;
      run.faulty.disarm();
      await recoverAll(run);
      assertWhole(run.content(), way, where);
    }
  });
}
