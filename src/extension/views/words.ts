import type { SuperblockView } from '../../client/vfs';
import { MOUNT_FOREIGN_WRITES, MOUNT_HIDDEN, MOUNT_READONLY } from '../../protocol/livemount';
import { describeMask } from '../../protocol/mask';
import type { SessionState } from '../hosts';

/** A size for people: three digits and a binary unit. */
export function bytes(size: bigint | number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];
  let value = Number(size);
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** A duration in ms for people. */
export function milliseconds(ms: number | undefined): string {
  if (ms === undefined) return 'not measured yet';
  return ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`;
}

export function isReadonly({ mount }: SuperblockView): boolean {
  return (mount.flags & MOUNT_READONLY) !== 0;
}

export function isHidden({ mount }: SuperblockView): boolean {
  return (mount.flags & MOUNT_HIDDEN) !== 0;
}

/** What notices changes there. */
export function watcher({ mount }: SuperblockView): string {
  switch (mount.backend) {
    case 'none':
      return 'nothing';
    case 'poll':
      return 'polling';
    case 'inotify':
    case 'fanotify':
      return mount.backend;
    case 'inotify+poll':
      return 'inotify, partly by polling';
  }
}

/** The same in a sentence. */
export function watchedBy(view: SuperblockView): string {
  return view.mount.backend === 'none' ? 'not watched' : `watched by ${watcher(view)}`;
}

/** What the aggregated mask asks the host for. */
export function maskInWords({ aggregated }: SuperblockView): string {
  return describeMask(aggregated);
}

function missesForeignWrites({ mount }: SuperblockView): boolean {
  return (mount.flags & MOUNT_FOREIGN_WRITES) !== 0;
}

/** One line about a mount, for tooltips. */
export function aboutMount(view: SuperblockView): string {
  const parts = [
    view.mount.source === view.mount.fstype || view.mount.source === 'none'
      ? `${view.mount.fstype} mounted here`
      : `${view.mount.fstype} from ${view.mount.source}`,
    isReadonly(view) ? 'read-only' : undefined,
    view.notResponding ? 'not responding' : watchedBy(view),
    missesForeignWrites(view) ? 'writes by other hosts may be missed' : undefined,
  ];
  return parts.filter((part) => part !== undefined).join(' · ');
}

const stateWords: Readonly<Record<SessionState, string>> = {
  idle: 'not connected',
  disconnected: 'disconnected',
  failed: 'connection failed',
  connecting: 'connecting…',
  connected: 'connected',
  reconnecting: 'reconnecting…',
  closed: 'closed',
};

export function describeState(state: SessionState): string {
  return stateWords[state];
}
