import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { TestMounts } from '../fixtures/mounts';
import { Random } from '../watch/random';
import { EventLog } from './eventLog';
import { ground } from './mounted';
import { until } from './until';

const STEPS = Number(process.env.LIVEMOUNT_STEPS ?? 60);
const NAMES = ['a', 'b', 'c', 'd'];
/** Files that are always there: they are only replaced, so no stat of them may fail for a moment. */
const STABLE = ['stable-0', 'stable-1'];
const HISTORY = 12;

/** One or more changes of a tree, the same in both. */
interface Step {
  readonly words: string;
  readonly run: (top: string) => void;
}

function exists(path: string): boolean {
  return fs.lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

function isDirectory(path: string): boolean {
  return fs.lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function isFile(path: string): boolean {
  return fs.lstatSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

/** A step that can be done in the tree as it is now; the tree says which names are there. */
function randomStep(random: Random, top: string): Step | undefined {
  const folders = ['', ...NAMES.filter((name) => isDirectory(join(top, name)))];
  const place = () => join(random.pick(folders) ?? '', random.pick(NAMES) ?? 'a');
  const [one, other] = [place(), place()];
  const at = (name: string) => join(top, name);
  const content = `content ${random.below(1 << 20)}`;
  switch (random.below(12)) {
    case 0:
    case 1:
      if (exists(at(one)) && !isFile(at(one))) return undefined;
      return { words: `write ${one}`, run: (root) => fs.writeFileSync(join(root, one), content) };
    case 2:
      if (!isFile(at(one))) return undefined;
      return { words: `append ${one}`, run: (root) => fs.appendFileSync(join(root, one), content) };
    case 3:
      if (!exists(at(one)) || isDirectory(at(one))) return undefined;
      return { words: `unlink ${one}`, run: (root) => fs.unlinkSync(join(root, one)) };
    case 4:
      if (exists(at(one)) || one.includes('/')) return undefined;
      return { words: `mkdir ${one}`, run: (root) => fs.mkdirSync(join(root, one)) };
    case 5:
      if (!isDirectory(at(one))) return undefined;
      return { words: `rm -r ${one}`, run: (root) => fs.rmSync(join(root, one), { recursive: true }) };
    case 6:
      if (!exists(at(one)) || one === other || other.startsWith(`${one}/`) || isDirectory(at(other)))
        return undefined;
      if (isDirectory(at(one)) && (exists(at(other)) || other.includes('/'))) return undefined;
      return {
        words: `rename ${one} ${other}`,
        run: (root) => fs.renameSync(join(root, one), join(root, other)),
      };
    case 7: {
      const name = random.pick(STABLE) ?? '';
      return {
        words: `replace ${name}`,
        run: (root) => {
          fs.writeFileSync(join(root, '.staged'), content);
          fs.renameSync(join(root, '.staged'), join(root, name));
        },
      };
    }
    case 8:
      if (!isFile(at(one))) return undefined;
      return {
        words: `chmod ${one}`,
        run: (root) => fs.chmodSync(join(root, one), 0o600 + random.below(64)),
      };
    case 9:
      if (exists(at(one))) return undefined;
      return { words: `symlink ${one}`, run: (root) => fs.symlinkSync(other, join(root, one)) };
    case 10:
      if (exists(at(one)) || !isFile(at(other))) return undefined;
      return {
        words: `link ${other} ${one}`,
        run: (root) => fs.linkSync(join(root, other), join(root, one)),
      };
    default:
      if (exists(at(one))) return undefined;
      return {
        words: `make and remove ${one}`,
        run: (root) => {
          fs.writeFileSync(join(root, one), content);
          fs.unlinkSync(join(root, one));
        },
      };
  }
}

/** Looks the stable names up as fast as it can; prints what fails. */
const LOOKER = `
const fs = require('node:fs');
const names = process.argv.slice(1);
let looks = 0;
function look() {
  for (const name of names) {
    try { fs.statSync(name); } catch (error) { console.log(error.code + ' ' + name); }
  }
  if (++looks === 1) console.log('looking');
  setTimeout(look, 2);
}
look();
`;

test('what changes on the host makes the events that a local disk makes, and no name ever blinks', async (t) => {
  // One sequence a run; LIVEMOUNT_SEED has others.
  const seed = Number(process.env.LIVEMOUNT_SEED ?? 1);
  t.diagnostic(`LIVEMOUNT_SEED=${seed}`);
  const random = new Random(seed);
  const mounts = new TestMounts();
  t.after(() => mounts.dispose());
  const disk = mounts.filesystem('ext4', mounts.directory('disk'));
  const [host, twin] = ['host', 'twin'].map((name) => join(disk, name)) as [string, string];
  for (const top of [host, twin]) {
    fs.mkdirSync(top);
    for (const name of STABLE) fs.writeFileSync(join(top, name), 'first');
  }
  const { mount } = await ground(t);
  const served = await mount(host);
  const looker = spawn(process.execPath, ['-e', LOOKER, ...STABLE.map((name) => join(served.at, name))]);
  t.after(() => looker.kill('SIGKILL'));
  let seen = '';
  looker.stdout.setEncoding('utf8').on('data', (text: string) => {
    seen += text;
  });
  await until('the looker looks', async () => seen.includes('looking'));
  const [ours, theirs] = [await EventLog.of(served.at), await EventLog.of(twin)];
  t.after(() => {
    ours.dispose();
    theirs.dispose();
  });
  const history: string[] = [];
  let touched: readonly string[] = [];
  for (let done = 0; done < STEPS; ) {
    const step = randomStep(random, twin);
    if (step === undefined) continue;
    done++;
    history.push(step.words);
    for (const top of [host, twin]) step.run(top);
    touched = await same(
      ours,
      theirs,
      touched,
      () => `seed ${seed}, after:\n${history.slice(-HISTORY).join('\n')}`,
    );
    assert.equal(
      seen,
      'looking\n',
      `a name blinked; seed ${seed}, after:\n${history.slice(-HISTORY).join('\n')}`,
    );
    for (const log of [ours, theirs]) log.clear();
  }
  assert.deepEqual(names(served.at), names(twin));
  looker.kill('SIGKILL');
  await Promise.all([once(looker, 'exit'), ours.end()]);
  await served.unmount();
});

/**
 * Waits until both logs have the same net effect, and nothing more comes; gives the names that it is about. What was
 * touched by the step before may be told of once more: a file that was made and written at once is made and, when the
 * host looks again, written.
 */
async function same(
  ours: EventLog,
  theirs: EventLog,
  before: readonly string[],
  about: () => string,
): Promise<readonly string[]> {
  const end = Date.now() + 15_000;
  const told = () => {
    const net = ours.net();
    const expected = theirs.net();
    for (const name of before) {
      if (expected[name] === undefined && (net[name] === 'content' || net[name] === 'attributes'))
        delete net[name];
    }
    return net;
  };
  const alike = () =>
    ours.watches() === theirs.watches() && JSON.stringify(told()) === JSON.stringify(theirs.net());
  for (;;) {
    if (alike()) {
      await delay(120);
      if (alike()) return Object.keys(theirs.net());
    }
    if (Date.now() > end) {
      const words = `the mount told:\n${ours.words()}\n\nthe disk told:\n${theirs.words()}`;
      assert.deepEqual(told(), theirs.net(), `${about()}\n\n${words}`);
    }
    await delay(10);
  }
}

function names(top: string): string[] {
  return fs.readdirSync(top, { recursive: true, encoding: 'utf8' }).sort();
}
