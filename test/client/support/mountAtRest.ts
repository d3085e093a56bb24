import type { SuperblockView } from '../../../src/client/vfs';
import type { Mask } from '../../../src/protocol/brand';

/** What the client shows of a mount where nothing is watched, cached or under way. */
export const MOUNT_AT_REST = {
  aggregated: 0 as Mask,
  generation: 0n,
  inFlight: 0,
  notResponding: false,
  eventsPerSecond: 0,
  overflows: 0,
  errors: 0,
  cachedBytes: 0,
  cacheMode: 'lease',
} as const satisfies Partial<SuperblockView>;
