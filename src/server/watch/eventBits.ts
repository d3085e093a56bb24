import { EVENT_COMPARED, EVENT_PUBLISHED } from '../../protocol/livemount';
import { In } from '../../protocol/mask';

/** The inotify bits of a hint, by what they mean for the name; and two bits of our own, where inotify has none. */
export const MADE = In.CREATE | In.MOVED_TO;
export const GONE = In.DELETE | In.MOVED_FROM;
export const WRITTEN = In.MODIFY | In.CLOSE_WRITE;
/** It comes from a session, not from the host. */
export const PUBLISHED = 1 << 29;
/** What is there now has to be looked at, whatever the events say. */
export const LOOK = 1 << 28;

/** EVENT_* of what is found out because of a hint; no bits: no event, it was compared. */
export function flagsOf(bits: number): number {
  if (bits === 0) return EVENT_COMPARED;
  return (bits & PUBLISHED) === 0 ? 0 : EVENT_PUBLISHED;
}
