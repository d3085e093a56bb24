import type { Mask } from './brand';
import { ErrnoError } from './errno';

/** inotify event bits (inotify(7), linux/inotify.h); the masks of marks and events use them as they are. */
export const In = {
  ACCESS: 0x1,
  MODIFY: 0x2,
  ATTRIB: 0x4,
  CLOSE_WRITE: 0x8,
  CLOSE_NOWRITE: 0x10,
  OPEN: 0x20,
  MOVED_FROM: 0x40,
  MOVED_TO: 0x80,
  CREATE: 0x100,
  DELETE: 0x200,
  DELETE_SELF: 0x400,
  MOVE_SELF: 0x800,
  UNMOUNT: 0x2000,
  Q_OVERFLOW: 0x4000,
  IGNORED: 0x8000,
  ONLYDIR: 0x1000000,
  DONT_FOLLOW: 0x2000000,
  EXCL_UNLINK: 0x4000000,
  MASK_CREATE: 0x10000000,
  MASK_ADD: 0x20000000,
  ISDIR: 0x40000000,
  ONESHOT: 0x80000000,
} as const;

/** A rename told as one event with both names. */
export const IN_RENAME = (In.MOVED_FROM | In.MOVED_TO) as Mask;

/** The bits a group may ask for (IN_ALL_EVENTS of inotify(7)). */
export const IN_ALL_EVENTS = 0xfff as Mask;

/** What an editor watches: everything that changes what it shows. */
export const IN_CHANGES = (In.MODIFY |
  In.ATTRIB |
  In.CLOSE_WRITE |
  In.MOVED_FROM |
  In.MOVED_TO |
  In.CREATE |
  In.DELETE |
  In.DELETE_SELF |
  In.MOVE_SELF) as Mask;

export const NO_EVENTS = 0 as Mask;

/** The OR over marks: what an object must be watched for. (fsnotify's i_fsnotify_mask.) */
export function aggregate(masks: Iterable<Mask>): Mask {
  let all = 0;
  for (const mask of masks) all |= mask;
  return (all >>> 0) as Mask;
}

/**
 * Strips the bits the host adds itself (IN_IGNORED, IN_UNMOUNT, IN_ONESHOT, IN_EXCL_UNLINK, event-on-child, ...)
 * from a mask asked for. A mask with no event left is EINVAL. (inotify_arg_to_mask, fs/notify/inotify.)
 */
export function wantedEvents(mask: number): Mask {
  const events = mask & IN_ALL_EVENTS;
  if (events === 0) {
    throw new ErrnoError('EINVAL', `mask 0x${(mask >>> 0).toString(16)} asks for no event`);
  }
  return events as Mask;
}

const words: readonly (readonly [number, string])[] = [
  [In.CREATE, 'create'],
  [In.DELETE, 'delete'],
  [In.MODIFY, 'modify'],
  [In.CLOSE_WRITE, 'close after write'],
  [In.ATTRIB, 'attributes'],
  [In.MOVED_FROM | In.MOVED_TO, 'rename'],
  [In.DELETE_SELF, 'delete self'],
  [In.MOVE_SELF, 'move self'],
  [In.OPEN, 'open'],
  [In.ACCESS, 'access'],
  [In.CLOSE_NOWRITE, 'close'],
  [In.UNMOUNT, 'unmount'],
  [In.Q_OVERFLOW, 'overflow'],
];

/** A mask in words, for people. */
export function describeMask(mask: Mask): string {
  const named = words.filter(([bits]) => (mask & bits) !== 0).map(([, word]) => word);
  return named.length === 0 ? 'nothing' : named.join(', ');
}
