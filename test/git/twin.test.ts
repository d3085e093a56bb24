// Random work in a repository, half of it through ours and half of it by git itself; a twin gets the same by git alone.
import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { resourcesOf } from '../../src/client/git/groups';
import type { GitRepository } from '../../src/client/git/repository';
import { cleanEnv, git, newRepository } from './localHost';

const SEED = Number(process.env.LIVEMOUNT_SEED ?? 20_261_128);
const SEQUENCES = Number(process.env.LIVEMOUNT_SEEDS ?? 12);
const STEPS = 14;

/** Small, quick and the same everywhere (mulberry32). */
function randomFrom(seed: number) {
  let state = seed >>> 0;
  return (below: number) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

const NAMES = ['a', 'b', 'dir/c', 'dir/d e', '-f', 'ü'];

interface Step {
  readonly title: string;
  ours(repository: GitRepository): Promise<unknown>;
  git(folder: string): unknown;
}

function stepFrom(random: (below: number) => number, at: number): Step {
  const name = NAMES[random(NAMES.length)] as string;
  const onDisk = (title: string, work: (folder: string) => void): Step => ({
    title,
    ours: async (repository) => work(repository.root),
    git: work,
  });
  const steps: Step[] = [
    onDisk(`write ${name}`, (folder) => {
      mkdirSync(path.join(folder, path.dirname(name)), { recursive: true });
      writeFileSync(path.join(folder, name), `${at}\n${name}\n`.repeat(5));
    }),
    onDisk(`append ${name}`, (folder) => {
      mkdirSync(path.join(folder, path.dirname(name)), { recursive: true });
      appendFileSync(path.join(folder, name), `${at}\n`);
    }),
    onDisk(`remove ${name}`, (folder) => rmSync(path.join(folder, name), { force: true })),
    {
      title: `stage ${name}`,
      ours: (repository) => repository.stage([name]),
      git: (folder) => git(folder, '--literal-pathspecs', 'add', '-A', '--', name),
    },
    { title: 'stage all', ours: (r) => r.stageAll(), git: (folder) => git(folder, 'add', '-A') },
    {
      title: `unstage ${name}`,
      ours: (r) => r.unstage([name]),
      git: (folder) => git(folder, 'reset', '-q', '--', name),
    },
    {
      title: 'commit',
      ours: (r) => r.commit(`commit ${at}`),
      git: (folder) => git(folder, 'commit', '-qm', `commit ${at}`),
    },
    {
      title: 'amend',
      ours: (r) => r.commit(`amended ${at}`, { amend: true }),
      git: (folder) => git(folder, 'commit', '-q', '--amend', '-m', `amended ${at}`),
    },
    {
      title: 'undo',
      ours: (r) => r.undoCommit(),
      git: undone,
    },
    {
      title: `discard ${name}`,
      ours: (r) => r.discard([name], []),
      git: (folder) => git(folder, 'checkout', '-q', '--', name),
    },
    {
      title: 'stash',
      ours: (r) => r.stash('', { kind: 'untracked' }),
      git: (folder) => git(folder, 'stash', 'push', '-q', '-u'),
    },
    {
      title: 'pop',
      ours: (r) => r.applyStash(0, { drop: true }),
      git: (folder) => git(folder, 'stash', 'pop', '-q'),
    },
    {
      title: `branch b${at}`,
      ours: (r) => r.createBranch(`b${at}`),
      git: (folder) => git(folder, 'checkout', '-q', '-b', `b${at}`),
    },
    {
      title: 'main',
      ours: (r) => r.checkout('main'),
      git: (folder) => git(folder, 'checkout', '-q', 'main', '--'),
    },
    {
      title: `merge b${at - 3}`,
      ours: (r) => r.merge(`b${at - 3}`),
      git: (folder) => git(folder, 'merge', '-q', '--no-edit', `b${at - 3}`),
    },
    {
      title: 'abort',
      ours: (r) => r.resume('merge', 'abort'),
      git: (folder) => git(folder, 'merge', '--abort'),
    },
  ];
  return steps[random(steps.length)] as Step;
}

test(`${SEQUENCES} random sequences leave a repository as git alone leaves its twin, and the view equals git's status (seed ${SEED})`, async (t) => {
  // The same times give the same commits.
  Object.assign(cleanEnv, { GIT_AUTHOR_DATE: '1700000000 +0000', GIT_COMMITTER_DATE: '1700000000 +0000' });
  let worked = 0;
  for (let sequence = 0; sequence < SEQUENCES; sequence++) {
    const random = randomFrom(SEED + sequence);
    const { repository } = await newRepository(t);
    const { folder: twin } = await newRepository(t);
    for (const folder of [repository.root, twin]) {
      for (const name of NAMES) {
        mkdirSync(path.join(folder, path.dirname(name)), { recursive: true });
        writeFileSync(path.join(folder, name), `${name}\n`.repeat(6));
      }
      git(folder, 'add', '-A');
      git(folder, 'commit', '-qm', 'base');
    }
    const done: string[] = [];
    for (let at = 0; at < STEPS; at++) {
      const step = stepFrom(random, at);
      done.push(step.title);
      const context = `sequence ${sequence} (LIVEMOUNT_SEED=${SEED}): ${done.join('; ')}`;
      const byOurs = random(4) > 0;
      const [ours, theirs] = [
        await outcome(() => (byOurs ? step.ours(repository) : step.git(repository.root))),
        await outcome(() => step.git(twin)),
      ];
      assert.equal(ours, theirs, context);
      if (ours === 'done') worked++;
      for (const args of [
        ['status', '--porcelain', '-uall'],
        ['for-each-ref', '--format=%(refname) %(tree)', 'refs/heads'],
        ['ls-files', '-s'],
      ]) {
        assert.equal(git(repository.root, ...args), git(twin, ...args), `${args.join(' ')} after ${context}`);
      }
      assert.deepEqual(await view(repository), expectedView(twin), context);
    }
  }
  assert.ok(worked > SEQUENCES * STEPS * 0.5, `only ${worked} steps did something`);
});

/** The only commit has no parent to go back to. */
function undone(folder: string): unknown {
  const first =
    git(folder, 'rev-list', '--max-parents=0', 'HEAD').trim() === git(folder, 'rev-parse', 'HEAD').trim();
  return first ? git(folder, 'update-ref', '-d', 'HEAD') : git(folder, 'reset', '-q', '--soft', 'HEAD~1');
}

async function outcome(step: () => unknown): Promise<'done' | 'failed'> {
  try {
    await step();
    return 'done';
  } catch {
    return 'failed';
  }
}

async function view(repository: GitRepository): Promise<string[]> {
  const groups = resourcesOf(await repository.status());
  return Object.values(groups)
    .flat()
    .map(({ group, path }) => `${group} ${path}`)
    .sort();
}

/** The same from the first porcelain format, read by other code. */
function expectedView(folder: string): string[] {
  const parts = git(folder, 'status', '--porcelain', '-z').split('\0');
  const shown: string[] = [];
  for (let at = 0; at < parts.length - 1; at++) {
    const [x = '', y = ''] = parts[at] as string;
    const name = (parts[at] as string).slice(3);
    if (x === 'R' || y === 'R') at++;
    if (x === '?') shown.push(`untracked ${name}`);
    else if (['DD', 'AU', 'UD', 'UA', 'DU', 'AA', 'UU'].includes(x + y)) shown.push(`merge ${name}`);
    else {
      if (x !== ' ') shown.push(`index ${name}`);
      if (y !== ' ') shown.push(`worktree ${name}`);
    }
  }
  return shown.sort();
}
