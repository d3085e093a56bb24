import assert from 'node:assert/strict';
import fs from 'node:fs';
import { getxattrFd, removexattrFd, setxattrFd } from '../../src/agent/libc/xattr';
import { copyFileRange, fallocate, lseek, openat, renameat2 } from '../../src/agent/libc/files';
import { AT_FDCWD, O } from '../../src/agent/libc/flags';
import { cString } from '../../src/agent/libc/libc';
import { runSync } from '../../src/agent/libc/op';
import { ErrnoError } from '../../src/protocol/errno';
import type { Random } from '../watch/random';

/** A file held open in one tree. */
export interface Held {
  fd: number;
}

/** One of the trees that must stay alike. */
export interface Tree {
  readonly top: string;
  /** Open files by slot; both trees have the same slots. */
  readonly held: Map<number, Held>;
}

/** Carries out one step in a tree; what it returns is compared between the trees. */
export type Step = { readonly words: string; readonly run: (tree: Tree) => unknown };

const NAMES = ['a', 'b', 'c', 'd', 'e'];
const SLOTS = 8;
const MAX_SIZE = 200_000;
const MODES = [0o600, 0o644, 0o755, 0o4755, 0o2775, 0o1777, 0];

/** A path one to three names deep: few names, so that steps meet. */
function path(random: Random): string {
  const depth = 1 + random.below(3);
  return Array.from({ length: depth }, () => random.pick(NAMES) as string).join('/');
}

function content(random: Random): Buffer {
  return Buffer.alloc(1 + random.below(random.below(4) === 0 ? MAX_SIZE : 500), 1 + random.below(255));
}

function look(stat: fs.BigIntStats): unknown {
  const { mode, uid, gid, rdev } = stat;
  // A directory's size is its filesystem's business, not its content.
  const size = stat.isDirectory() ? 0n : stat.size;
  return { mode, nlink: stat.nlink, size, uid, gid, rdev };
}

/** A file's open descriptor in this tree. EBADF where the slot is empty: in both trees. */
function fdOf(tree: Tree, slot: number): number {
  const held = tree.held.get(slot);
  if (held === undefined) throw new ErrnoError('EBADF');
  return held.fd;
}

function raw(tree: Tree, name: string): Buffer {
  return cString(Buffer.from(`${tree.top}/${name}`));
}

/** Opens for one libc call. */
function withFd<T>(tree: Tree, name: string, flags: number, work: (fd: number) => T): T {
  const fd = runSync(openat(AT_FDCWD, raw(tree, name), flags | O.NOFOLLOW));
  try {
    return work(fd);
  } finally {
    fs.closeSync(fd);
  }
}

type Maker = (random: Random) => Step;

/** The steps, with how often each comes. */
const makers: readonly (readonly [number, Maker])[] = [
  [
    8,
    (random) => {
      const [name, bytes, mode] = [path(random), content(random), random.pick(MODES)];
      return {
        words: `write ${name} ${bytes.length}`,
        run: ({ top }) => fs.writeFileSync(`${top}/${name}`, bytes, { mode: mode ?? 0o644 }),
      };
    },
  ],
  [
    4,
    (random) => {
      const name = path(random);
      return {
        words: `create exclusively ${name}`,
        run: ({ top }) => fs.closeSync(fs.openSync(`${top}/${name}`, 'wx', 0o640)),
      };
    },
  ],
  [
    4,
    (random) => {
      const [name, bytes] = [path(random), content(random)];
      return {
        words: `append ${name} ${bytes.length}`,
        run: ({ top }) => fs.appendFileSync(`${top}/${name}`, bytes),
      };
    },
  ],
  [
    6,
    (random) => {
      const name = path(random);
      return { words: `read ${name}`, run: ({ top }) => fs.readFileSync(`${top}/${name}`) };
    },
  ],
  [
    6,
    (random) => {
      const name = path(random);
      return {
        words: `stat ${name}`,
        run: ({ top }) => look(fs.lstatSync(`${top}/${name}`, { bigint: true })),
      };
    },
  ],
  [
    4,
    (random) => {
      const name = random.below(3) === 0 ? '' : path(random);
      return { words: `list ${name}`, run: ({ top }) => fs.readdirSync(`${top}/${name}`).sort() };
    },
  ],
  [
    8,
    (random) => {
      const name = path(random);
      return { words: `mkdir ${name}`, run: ({ top }) => fs.mkdirSync(`${top}/${name}`, 0o777) };
    },
  ],
  [
    3,
    (random) => {
      const name = path(random);
      return { words: `rmdir ${name}`, run: ({ top }) => fs.rmdirSync(`${top}/${name}`) };
    },
  ],
  [
    5,
    (random) => {
      const name = path(random);
      return { words: `unlink ${name}`, run: ({ top }) => fs.unlinkSync(`${top}/${name}`) };
    },
  ],
  [
    2,
    (random) => {
      const name = path(random);
      return { words: `remove ${name}`, run: ({ top }) => fs.rmSync(`${top}/${name}`, { recursive: true }) };
    },
  ],
  [
    8,
    (random) => {
      const [from, to] = [path(random), path(random)];
      return {
        words: `rename ${from} ${to}`,
        run: ({ top }) => fs.renameSync(`${top}/${from}`, `${top}/${to}`),
      };
    },
  ],
  [
    3,
    (random) => {
      const [from, to, flags] = [path(random), path(random), 1 + random.below(2)];
      return {
        words: `renameat2 ${from} ${to} ${flags}`,
        run: (tree) => runSync(renameat2(AT_FDCWD, raw(tree, from), AT_FDCWD, raw(tree, to), flags)),
      };
    },
  ],
  [
    4,
    (random) => {
      const [from, to] = [path(random), path(random)];
      return { words: `link ${from} ${to}`, run: ({ top }) => fs.linkSync(`${top}/${from}`, `${top}/${to}`) };
    },
  ],
  [
    3,
    (random) => {
      const [to, name] = [random.pick(NAMES) as string, path(random)];
      return { words: `symlink ${to} ${name}`, run: ({ top }) => fs.symlinkSync(to, `${top}/${name}`) };
    },
  ],
  [
    2,
    (random) => {
      const name = path(random);
      return { words: `readlink ${name}`, run: ({ top }) => fs.readlinkSync(`${top}/${name}`) };
    },
  ],
  [
    4,
    (random) => {
      const [name, mode] = [path(random), random.pick(MODES) ?? 0];
      return {
        words: `chmod ${name} ${mode.toString(8)}`,
        run: ({ top }) => fs.chmodSync(`${top}/${name}`, mode),
      };
    },
  ],
  [
    2,
    (random) => {
      const [name, uid, gid] = [path(random), random.below(3), random.below(3)];
      return {
        words: `chown ${name} ${uid} ${gid}`,
        run: ({ top }) => fs.lchownSync(`${top}/${name}`, uid, gid),
      };
    },
  ],
  [
    4,
    (random) => {
      const [name, size] = [path(random), random.below(MAX_SIZE)];
      return { words: `truncate ${name} ${size}`, run: ({ top }) => fs.truncateSync(`${top}/${name}`, size) };
    },
  ],
  [
    2,
    (random) => {
      const [name, time] = [path(random), random.below(2 ** 31)];
      return {
        words: `utimes ${name} ${time}`,
        run: ({ top }) => {
          fs.lutimesSync(`${top}/${name}`, time, time);
          return fs.lstatSync(`${top}/${name}`).mtimeMs;
        },
      };
    },
  ],
  [
    6,
    (random) => {
      const [name, slot, flags] = [
        path(random),
        random.below(SLOTS),
        random.pick(['r', 'r+', 'w+', 'a+']) ?? 'r',
      ];
      return {
        words: `open ${name} ${flags} as ${slot}`,
        run: (tree) => {
          const fd = fs.openSync(`${tree.top}/${name}`, flags);
          const before = tree.held.get(slot);
          if (before !== undefined) fs.closeSync(before.fd);
          tree.held.set(slot, { fd });
        },
      };
    },
  ],
  [
    6,
    (random) => {
      const [slot, at, bytes] = [random.below(SLOTS), random.below(MAX_SIZE), content(random)];
      return {
        words: `write ${slot} at ${at} ${bytes.length}`,
        run: (tree) => fs.writeSync(fdOf(tree, slot), bytes, 0, bytes.length, at),
      };
    },
  ],
  [
    6,
    (random) => {
      const [slot, at] = [random.below(SLOTS), random.below(MAX_SIZE)];
      return {
        words: `read ${slot} at ${at}`,
        run: (tree) => {
          const into = Buffer.alloc(5000);
          return into.subarray(0, fs.readSync(fdOf(tree, slot), into, 0, into.length, at));
        },
      };
    },
  ],
  [
    3,
    (random) => {
      const [slot, size] = [random.below(SLOTS), random.below(MAX_SIZE)];
      return { words: `ftruncate ${slot} ${size}`, run: (tree) => fs.ftruncateSync(fdOf(tree, slot), size) };
    },
  ],
  [
    3,
    (random) => {
      const [slot, mode] = [random.below(SLOTS), random.pick(MODES) ?? 0];
      return {
        words: `fchmod ${slot} ${mode.toString(8)}`,
        run: (tree) => {
          fs.fchmodSync(fdOf(tree, slot), mode);
          return look(fs.fstatSync(fdOf(tree, slot), { bigint: true }));
        },
      };
    },
  ],
  [
    2,
    (random) => {
      const slot = random.below(SLOTS);
      return {
        words: `close ${slot}`,
        run: (tree) => {
          fs.closeSync(fdOf(tree, slot));
          tree.held.delete(slot);
        },
      };
    },
  ],
  [
    2,
    (random) => {
      const slot = random.below(SLOTS);
      return { words: `fsync ${slot}`, run: (tree) => fs.fsyncSync(fdOf(tree, slot)) };
    },
  ],
  [
    2,
    (random) => {
      const [slot, mode, at, length] = [
        random.below(SLOTS),
        random.pick([0, 1, 3, 0x10]) ?? 0,
        random.below(MAX_SIZE),
        1 + random.below(MAX_SIZE),
      ];
      return {
        words: `fallocate ${slot} mode ${mode} ${at}+${length}`,
        run: (tree) => {
          runSync(fallocate(fdOf(tree, slot), mode, BigInt(at), BigInt(length)));
          return fs.fstatSync(fdOf(tree, slot)).size;
        },
      };
    },
  ],
  [
    2,
    (random) => {
      const [slot, at] = [random.below(SLOTS), random.below(MAX_SIZE)];
      return {
        words: `seek past the end of ${slot} from ${at}`,
        run: (tree) => {
          const fd = fdOf(tree, slot);
          const stat = fs.fstatSync(fd);
          if (!stat.isFile()) throw new ErrnoError('EISDIR'); // each filesystem has its own idea of a directory's data
          // Where data begins may differ before it is on disk; that there is an end may not.
          return runSync(lseek(fd, BigInt(stat.size + at), 3));
        },
      };
    },
  ],
  [
    2,
    (random) => {
      const [from, to, at, length] = [
        random.below(SLOTS),
        random.below(SLOTS),
        random.below(MAX_SIZE),
        random.below(MAX_SIZE),
      ];
      return {
        words: `copy ${from} to ${to} at ${at} ${length}`,
        run: (tree) =>
          runSync(copyFileRange(fdOf(tree, from), 0n, fdOf(tree, to), BigInt(at), BigInt(length))),
      };
    },
  ],
  [
    3,
    (random) => {
      const [name, key, bytes, flags] = [
        path(random),
        `user.${random.pick(NAMES)}`,
        content(random).subarray(0, 900),
        random.below(3),
      ];
      return {
        words: `setxattr ${name} ${key} ${flags}`,
        run: (tree) =>
          withFd(tree, name, O.RDONLY, (fd) => runSync(setxattrFd(fd, Buffer.from(key), bytes, flags))),
      };
    },
  ],
  [
    3,
    (random) => {
      const [name, key] = [path(random), `user.${random.pick(NAMES)}`];
      return {
        words: `getxattr ${name} ${key}`,
        run: (tree) => withFd(tree, name, O.RDONLY, (fd) => runSync(getxattrFd(fd, Buffer.from(key)))),
      };
    },
  ],
  [
    1,
    (random) => {
      const [name, key] = [path(random), `user.${random.pick(NAMES)}`];
      return {
        words: `removexattr ${name} ${key}`,
        run: (tree) => withFd(tree, name, O.RDONLY, (fd) => runSync(removexattrFd(fd, Buffer.from(key)))),
      };
    },
  ],
];

export function randomStep(random: Random): Step {
  return random.weighted(makers)(random);
}

/** What a step gives, or the errno it fails with, in a form that compares. */
export function outcome(step: Step, tree: Tree): unknown {
  try {
    return step.run(tree) ?? 'done';
  } catch (error) {
    if (error instanceof ErrnoError) return `errno ${error.errno}`;
    const { errno } = error as NodeJS.ErrnoException;
    if (errno === undefined) throw error;
    return `errno ${Math.abs(errno)}`;
  }
}

/** Everything in a tree: names with kind, mode, links and content. */
export function picture(top: string): Map<string, unknown> {
  const seen = new Map<string, unknown>();
  const visit = (folder: string): void => {
    for (const name of fs.readdirSync(`${top}/${folder}`).sort()) {
      const place = `${folder}${name}`;
      const stat = fs.lstatSync(`${top}/${place}`, { bigint: true });
      const inside = stat.isFile()
        ? fs.readFileSync(`${top}/${place}`)
        : stat.isSymbolicLink()
          ? fs.readlinkSync(`${top}/${place}`)
          : undefined;
      seen.set(place, { ...(look(stat) as object), inside });
      if (stat.isDirectory()) visit(`${place}/`);
    }
  };
  visit('');
  return seen;
}

/** Steps that a failure shows: those before it. */
const HISTORY = 30;

/** Carries out random steps in two trees, which must answer alike and look alike at the end; then closes what they hold. */
export function sameSteps(count: number, seed: number, random: Random, ours: Tree, theirs: Tree): void {
  const history: string[] = [];
  for (let i = 0; i < count; i++) {
    const step = randomStep(random);
    history.push(step.words);
    const [got, expected] = [outcome(step, ours), outcome(step, theirs)];
    assert.deepEqual(
      got,
      expected,
      `step ${i} of seed ${seed}, after:\n${history.slice(-HISTORY).join('\n')}`,
    );
  }
  assert.deepEqual(picture(ours.top), picture(theirs.top));
  for (const { held } of [ours, theirs]) for (const { fd } of held.values()) fs.closeSync(fd);
}
