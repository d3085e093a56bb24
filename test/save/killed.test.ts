// A process that saves is killed at random moments; what it leaves is a whole file, or one that can be restored.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { mayBeAlive } from '../../src/agent/processIdentity';
import { Saves } from '../../src/server/save/saves';
import { namesIn, openHost, Places } from './places';
import { built } from './programs/built';
import { contentOf, isWhole } from './programs/wholeContent';
import { optionsFor } from './saveClient';
import { ways } from './ways';

const saver = built('saver');
const KILLS = 5;
/** Longest life of a saver, ms: some tens of saves. */
const LIFE_MS = 60;
const seed = Number(process.env.LIVEMOUNT_SEED ?? Date.now() % 1_000_000);

/** Uniform in [0, 1), from a seed. (mulberry32) */
function randomFrom(state: number): () => number {
  let at = state;
  return () => {
    at = (at + 0x6d2b79f5) | 0;
    let mixed = Math.imul(at ^ (at >>> 15), 1 | at);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function startSaver(folder: string, run: string, state: string, way: string): ChildProcess {
  return spawn(process.execPath, [saver, folder, run, state, way], { stdio: ['ignore', 'pipe', 'inherit'] });
}

for (const [name, way] of Object.entries(ways)) {
  test(`${name}: ${KILLS} savers are killed and lose nothing`, async (t) => {
    t.diagnostic(`LIVEMOUNT_SEED=${seed}`);
    const random = randomFrom(seed);
    using places = new Places();
    const folder = places.folder('w');
    const run = places.folder('run');
    const state = places.folder('state');
    const file = join(folder, 'a');
    if (!way.isNew) {
      writeFileSync(file, contentOf(0));
      way.prepare?.(file);
    }
    const names = way.isNew ? [] : namesIn(folder);
    for (let kill = 0; kill < KILLS; kill++) {
      const child = startSaver(folder, run, state, name);
      const ended = once(child, 'exit');
      await Promise.race([once(child.stdout ?? child, 'data'), ended]);
      assert.equal(child.exitCode, null, 'it saves');
      await delay(random() * LIFE_MS);
      child.kill('SIGKILL');
      await ended;

      const options = optionsFor({
        runFolder: Buffer.from(run),
        stateFolder: Buffer.from(state),
        isAlive: mayBeAlive,
      });
      const next = new Saves(openHost(), options, { homeTrash: undefined, uid: 0, now: () => new Date() });
      await next.unfinished.recover();
      for (const { id } of next.unfinished.list()) await next.unfinished.restore(id);
      await next.close();
      if (existsSync(file)) assert.ok(isWhole(readFileSync(file, 'utf8')), `kill ${kill}`);
      else assert.ok(way.isNew, 'the file is there');
      assert.deepEqual(
        namesIn(folder).filter((left) => left !== 'a'),
        names.filter((left) => left !== 'a'),
        `kill ${kill}`,
      );
      assert.deepEqual(namesIn(run), []);
      assert.deepEqual(namesIn(state), []);
    }
  });
}
