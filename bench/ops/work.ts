import { posix } from 'node:path';
import type { Peer } from './peer';
import { replay, type TracedCall } from './trace';
import { content, place, type TreeSizes } from './tree';

/** What a piece of work is done on. */
export interface Site {
  /** The project of this repetition. */
  readonly project: string;
  /** What all share: the big folder, the small files, the large ones. */
  readonly bulk: string;
  /** A folder that only this peer writes to, with copies of the files to save. */
  readonly own: string;
  readonly sizes: TreeSizes;
  readonly trace: readonly TracedCall[];
  /** Bytes of a large file that this peer gets to move. */
  readonly largeBytes: number;
}

export interface Work {
  readonly title: string;
  /** Its result is a rate, not a duration: how many of what. */
  readonly amount?: (site: Site) => { readonly count: number; readonly unit: 'MB/s' | 'files/s' };
  /** Needs a connection that knows nothing. */
  readonly cold?: true;
  readonly run: (peer: Peer, site: Site) => Promise<void>;
}

/** Files asked for at once where a person would not wait for each. */
const AT_ONCE = 16;

/** Every piece of work, in the order in which it is done. */
export const WORK = {
  open: {
    title: 'open a folder',
    cold: true,
    run: (peer, { project, trace }) => replay(peer, project, trace),
  },
  openAgain: {
    title: 'open it again',
    run: (peer, { project, trace }) => replay(peer, project, trace),
  },
  expand: {
    title: 'expand 30 folders, one by one',
    async run(peer, { project, sizes }) {
      for (let i = 0; i < sizes.folders; i++) {
        expectCount(await peer.list(posix.join(project, place.folder(i))), sizes.filesPerFolder);
      }
    },
  },
  refresh: {
    title: 'refresh them when the window gets the focus',
    async run(peer, { project, sizes }) {
      await peer.list(project);
      await atOnce(sizes.folders, sizes.folders, (i) => peer.list(posix.join(project, place.folder(i))));
    },
  },
  readFiles: {
    title: 'open 20 files, one by one',
    async run(peer, { project, sizes }) {
      for (let i = 0; i < sizes.sourceFiles; i++) {
        const path = posix.join(project, place.source(i));
        await peer.stat(path);
        expectCount((await peer.read(path))?.length, 6_000);
      }
    },
  },
  save: {
    title: 'save 10 files, one by one',
    async run(peer, { own, sizes }) {
      for (let i = 0; i < sizes.sourceFiles / 2; i++) {
        const path = posix.join(own, place.source(i));
        await peer.stat(path);
        await peer.write(path, content(`saved ${i}`, 6_000));
        await peer.stat(path);
      }
    },
  },
  bigFolder: {
    title: 'list a folder of 10,000 entries',
    cold: true,
    async run(peer, { bulk, sizes }) {
      expectCount(await peer.list(posix.join(bulk, place.bigFolder)), sizes.bigFolder);
    },
  },
  smallFiles: {
    title: 'read many files of 1 kB',
    amount: ({ sizes }) => ({ count: sizes.smallFiles, unit: 'files/s' }),
    async run(peer, { bulk, sizes }) {
      await atOnce(sizes.smallFiles, AT_ONCE, async (i) => {
        expectCount((await peer.read(posix.join(bulk, place.small(i))))?.length, 1_000);
      });
    },
  },
  readLarge: {
    title: 'read a large file',
    amount: ({ largeBytes }) => ({ count: largeBytes / 1e6, unit: 'MB/s' }),
    cold: true,
    async run(peer, { bulk, largeBytes }) {
      expectCount((await peer.read(posix.join(bulk, place.large(largeBytes))))?.length, largeBytes);
    },
  },
  writeLarge: {
    title: 'write a large file',
    amount: ({ largeBytes }) => ({ count: largeBytes / 1e6, unit: 'MB/s' }),
    run: (peer, { own, largeBytes }) =>
      peer.write(posix.join(own, 'large'), Buffer.alloc(largeBytes, 'livemount ')),
  },
} as const satisfies Record<string, Work>;

export type WorkName = keyof typeof WORK;

/** Work that was not done must not look fast. */
function expectCount(got: number | undefined, expected: number): void {
  if (got !== expected) throw new Error(`${got} where ${expected} were expected`);
}

async function atOnce(count: number, lanes: number, one: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < count) await one(next++);
  };
  await Promise.all(Array.from({ length: Math.min(lanes, count) }, lane));
}
