import type { PeerName } from './peer';
import type { TreeSizes } from './tree';

const MIB = 2 ** 20;

/** How large everything is, and how often it is done. */
export interface Scale {
  readonly sizes: TreeSizes;
  /** Round trips in ms, with how often everything is done at each. */
  readonly links: readonly {
    readonly rttMs: number;
    readonly repetitions: number;
    readonly smallFiles: number;
  }[];
  /** Bytes of the large file at a round trip. Who waits for each chunk gets less, so that the run ends. */
  readonly largeBytes: (rttMs: number, peer: PeerName) => number;
}

/** Peers that ask for one chunk after another: their rate falls with the round trip, whatever the size. */
const UNPIPELINED: ReadonlySet<PeerName> = new Set(['sshfsExtension', 'sshfs']);

const project = { folders: 30, filesPerFolder: 20, sourceFiles: 20, bigFolder: 10_000 };

export const SCALES = {
  /** To see whether it works. */
  quick: {
    sizes: { folders: 4, filesPerFolder: 3, sourceFiles: 4, bigFolder: 300, smallFiles: 50, large: [MIB] },
    links: [
      { rttMs: 0, repetitions: 1, smallFiles: 50 },
      { rttMs: 20, repetitions: 1, smallFiles: 20 },
    ],
    largeBytes: () => MIB,
  },
  /** Under ten minutes. */
  standard: {
    sizes: { ...project, smallFiles: 10_000, large: [4 * MIB, 16 * MIB, 64 * MIB, 256 * MIB] },
    links: [
      { rttMs: 0, repetitions: 3, smallFiles: 10_000 },
      { rttMs: 20, repetitions: 2, smallFiles: 1_000 },
      { rttMs: 100, repetitions: 1, smallFiles: 1_000 },
    ],
    largeBytes(rttMs, peer) {
      if (rttMs === 0) return 256 * MIB;
      if (!UNPIPELINED.has(peer)) return 64 * MIB;
      return rttMs > 50 ? 4 * MIB : 16 * MIB;
    },
  },
  /** Everything at full size, some twenty minutes. */
  full: {
    sizes: { ...project, smallFiles: 10_000, large: [16 * MIB, 256 * MIB] },
    links: [
      { rttMs: 0, repetitions: 5, smallFiles: 10_000 },
      { rttMs: 20, repetitions: 3, smallFiles: 10_000 },
      { rttMs: 100, repetitions: 2, smallFiles: 2_000 },
    ],
    largeBytes: (rttMs, peer) => (rttMs > 0 && UNPIPELINED.has(peer) ? 16 : 256) * MIB,
  },
} as const satisfies Record<string, Scale>;

export type ScaleName = keyof typeof SCALES;
