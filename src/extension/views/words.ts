import { withoutCode } from '../../client/describe';
import type { SuperblockView } from '../../client/vfs';
import { MOUNT_FOREIGN_WRITES, MOUNT_HIDDEN, MOUNT_READONLY } from '../../protocol/livemount';
import { describeMask } from '../../protocol/mask';
import { t } from '../l10n';
import { inWords } from '../errors';
import type { HostSession, HostState } from '../hosts/hostSession';

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
  if (ms === undefined) return t('not measured yet');
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
      return t('nothing');
    case 'poll':
      return t('looking again and again');
    case 'inotify':
    case 'fanotify':
      return mount.backend;
    case 'inotify+poll':
      return t('inotify, partly by looking again and again');
  }
}

/** The same in a sentence. */
export function watchedBy(view: SuperblockView): string {
  return view.mount.backend === 'none' ? t('not watched') : t('watched by {0}', watcher(view));
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
      ? t('{0} mounted here', view.mount.fstype)
      : t('{0} from {1}', view.mount.fstype, view.mount.source),
    isReadonly(view) ? t('read-only') : undefined,
    view.notResponding ? t('not responding') : watchedBy(view),
    missesForeignWrites(view) ? t('writes by other hosts may be missed') : undefined,
  ];
  return parts.filter((part) => part !== undefined).join(' · ');
}

/** A state in words. */
export function describeState(state: HostState): string {
  switch (state) {
    case 'idle':
      return t('not connected');
    case 'disconnected':
      return t('disconnected');
    case 'failed':
      return t('connection failed');
    case 'connecting':
      return t('connecting…');
    case 'connected':
      return t('connected');
    case 'reconnecting':
      return t('reconnecting…');
    case 'closed':
      return t('closed');
  }
}

/** How long ago something was, or how long it takes, in one unit. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 100) return t('{0} s', String(seconds));
  if (seconds < 6000) return t('{0} min', String(Math.round(seconds / 60)));
  return t('{0} h', String(Math.round(seconds / 3600)));
}

/** Since when, why, and until when a host is not there; a line each. */
export function outageLines(session: HostSession): string[] {
  const { outage, retryInMs } = session;
  if (outage === undefined) return [];
  const lines = [t('Not connected for {0}.', duration(Date.now() - outage.since))];
  const { sentence } = inWords(outage.error);
  if (sentence !== '.') lines.push(withoutCode(sentence));
  if (retryInMs !== undefined) lines.push(t('The next attempt is in {0}.', duration(retryInMs)));
  return lines;
}
