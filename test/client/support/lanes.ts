import { FsnotifyOut } from '../../../src/protocol/livemount';
import { InHeader, OutHeader } from '../../../src/protocol/fuse';
import { Notify, ops } from '../../../src/protocol/opcodes';
import type { Passing } from './wire';

/** How far one lane may lag behind another, in ms. */
const LAG_MAX_MS = 40;

/** How long frames of each lane are on their way, beside what delays all: a different time for each. */
export function lagOfLanes(random: () => number): (lane: string | undefined) => number {
  const lags = new Map<string, number>();
  return (lane) => {
    if (lane === undefined) return 0;
    const lag = lags.get(lane) ?? random() * LAG_MAX_MS;
    lags.set(lane, lag);
    return lag;
  };
}

/**
 * The lanes of one channel: events of different superblocks overtake each other and the replies, and replies are in
 * any order, as those of requests that a server carries out at the same time are. What a session rests on (the
 * handshake, which mounts there are, that a watch is in force) keeps its order with everything.
 */
export function lanesOfSuperblocks(): (passing: Passing) => string | undefined {
  const watching = new Set<bigint>();
  return ({ direction, frame }) => {
    if (direction === 'up') {
      const { opcode, unique } = InHeader.read(frame, 0);
      if (opcode === ops.FSNOTIFY_UPDATE.code || opcode === ops.INIT.code || opcode === ops.RESUME.code)
        watching.add(unique);
      return undefined;
    }
    const { unique, error } = OutHeader.read(frame, 0);
    if (unique !== 0n) return watching.delete(unique) ? undefined : `reply ${unique % 8n}`;
    if (error !== Notify.FSNOTIFY) return undefined;
    return `superblock ${FsnotifyOut.read(frame, OutHeader.size).sb}`;
  };
}
