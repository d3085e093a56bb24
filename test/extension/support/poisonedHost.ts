// A host whose every word is poison: names, mounts, reasons, unfinished saves, errors.
import type { Change, Explanation, Stat, SuperblockView, Vfs } from '../../../src/client/vfs';
import type { Mask, SuperblockId } from '../../../src/protocol/brand';
import { MountAction, RecoverKind } from '../../../src/protocol/livemount';
import type { UnfinishedSave } from '../../../src/protocol/recover';
import { MemoryVfs } from '../../cli/memoryVfs';
import { POISON } from '../../fixtures/poison';

/** No half surrogate: text that stands for bytes of a name has none. */
export const POISONED_PATH = `/srv/${POISON.replace('\ud800', '')}`;

const mount: SuperblockView = {
  mount: {
    sb: 7n as SuperblockId,
    parent: 1n as SuperblockId,
    action: MountAction.PRESENT,
    flags: 0,
    major: 0,
    minor: 7,
    mountId: 7,
    backend: 'inotify+poll',
    mountpoint: Buffer.from(POISONED_PATH),
    fstype: POISON,
    source: POISON,
    options: POISON,
    unwatched: [],
    reason: POISON,
    pollMs: 5000,
  },
  name: '0:7@7',
  mountpoint: POISONED_PATH,
  aggregated: 0x100 as Mask,
  generation: 3n,
  inFlight: 1,
  notResponding: true,
  eventsPerSecond: 1,
  overflows: 1,
  errors: 1,
  cachedBytes: 1,
  cacheMode: 'lease',
};

export const event: Change = {
  kind: 'rename',
  path: POISONED_PATH,
  to: POISONED_PATH,
  isDirectory: false,
  sb: 7n as SuperblockId,
  seq: 1n,
  timeNs: 1n,
  message: POISON,
};

export function unfinished(count: number): UnfinishedSave[] {
  return Array.from({ length: count }, (_, i) => ({
    id: BigInt(i),
    kind: i % 2 === 0 ? RecoverKind.DISPLACED : 0,
    timeNs: 1n,
    size: 1n,
    path: Buffer.from(`${POISONED_PATH}${i}`),
    kept: Buffer.from(`${POISONED_PATH}.kept${i}`),
  }));
}

/** The tree of such a host. `saves`: how many unfinished ones it lists. */
export function poisonedVfs(saves = 1): Vfs & { settled: bigint[] } {
  const explanation: Explanation = {
    path: POISONED_PATH,
    superblock: mount,
    marks: [{ path: POISONED_PATH, mask: 0x100 as Mask, recursive: true, acknowledged: false }],
    lastEvent: event,
    cached: ['content'],
    lease: 'timeout',
    blindSpots: [POISON],
  };
  const settled: bigint[] = [];
  const tree = new MemoryVfs();
  tree.place('/srv');
  tree.place(POISONED_PATH, 'content');
  const own = {
    settled,
    superblocks: () => [mount],
    mountsBelow: () => [mount],
    unfinishedSaves: async () => unfinished(saves).filter(({ id }) => !settled.includes(id)),
    settleSave: async (id: bigint) => void settled.push(id),
    explain: async () => explanation,
    lstat: async (path: string): Promise<Stat> => ({ ...(await tree.stat(path)), isSymlink: true }),
    readlink: async () => POISONED_PATH,
    statfs: async () => ({ totalBytes: 10n, freeBytes: 1n }),
    reconnect: () => undefined,
    sync: async () => undefined,
  };
  return Object.assign(tree, own);
}
