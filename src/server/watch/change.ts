import { In, IN_RENAME } from '../../protocol/mask';
import type { Shown } from './arming/backend';
import type { BytePath } from './bytePath';

/** One step of a shadow towards what is really there; becomes one event. */
export interface Change {
  /** One of CREATE, DELETE, MODIFY, ATTRIB, IN_RENAME, UNMOUNT, Q_OVERFLOW. */
  readonly kind: number;
  readonly path: BytePath;
  readonly path2?: BytePath;
  readonly isDir: boolean;
  /** The object now; undefined: gone. */
  readonly seen: Shown | undefined;
  /** EVENT_*: found by comparing, made by a session, or nothing more is known. */
  readonly flags: number;
  /** Marked paths below a directory that went away, which were there. */
  readonly lost?: readonly BytePath[];
}

export const Kind = {
  CREATE: In.CREATE,
  DELETE: In.DELETE,
  MODIFY: In.MODIFY,
  ATTRIB: In.ATTRIB,
  RENAME: IN_RENAME as number,
  UNMOUNT: In.UNMOUNT,
  OVERFLOW: In.Q_OVERFLOW,
} as const;
