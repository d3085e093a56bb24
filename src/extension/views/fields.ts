import type { SuperblockView } from '../../client/vfs';
import { t } from '../l10n';
import type { HostSession } from '../hosts/hostSession';
import type { HeardChange, History } from './history';
import { liveness, type MountCounts, spaceText, troubles } from './mountHealth';
import type { FieldNode } from './nodes';
import { sparkline } from './sparkline';
import { bytes, duration, isReadonly, maskInWords, milliseconds, outageLines, watcher } from './words';

/** Bars beside a number that is still to be read in a narrow view; the tooltip has all. */
const PLOTTED = 10;

/** What a person asks of a connected host first. */
export function hostFields(session: HostSession, history: History): FieldNode[] {
  if (session.state !== 'connected') {
    const lines = outageLines(session);
    if (lines.length === 0) return [];
    return [
      {
        type: 'field',
        label: t('Not connected'),
        value: lines.join(' '),
        icon: 'warning',
        tooltip: lines.join('\n'),
      },
    ];
  }
  const { rates, roundTrips } = history.of(session);
  const now = rates.at(-1) ?? 0;
  const most = Math.max(0, ...rates.map((rate) => rate ?? 0));
  const rate = (value: number) => (value < 10 ? value.toFixed(1) : String(Math.round(value)));
  const changes = most === 0 ? t('none lately') : t('{0} a second now, {1} at most', rate(now), rate(most));
  const trip = milliseconds(session.current?.rttMs);
  const delay = session.current?.eventDelayMs;
  return [
    {
      type: 'field',
      label: t('Changes'),
      value: most === 0 ? changes : `${sparkline(rates.slice(-PLOTTED), 1)} ${t('{0} a second', rate(now))}`,
      icon: 'pulse',
      spoken: changes,
      tooltip: `${changes}\n${t('Changes on the host, one bar for three seconds.')}\n${sparkline(rates, 1)}`,
    },
    {
      type: 'field',
      label: t('Round trip'),
      value: `${sparkline(roundTrips.slice(-PLOTTED))} ${trip}`.trim(),
      icon: 'dashboard',
      spoken: trip,
      tooltip:
        delay === undefined
          ? t('The time from a question to the host’s answer.')
          : t(
              'The time from a question to the host’s answer. A change shows here {0} after it happened.',
              milliseconds(delay),
            ),
    },
    ...reachField(session),
  ];
}

function reachField({ rung, reason }: HostSession): FieldNode[] {
  if (rung === undefined) return [];
  const value =
    rung === 'sftp' ? t('over SFTP, nothing runs on the host') : t('through a small program on the host');
  return [
    {
      type: 'field',
      label: t('Works'),
      value,
      icon: 'plug',
      tooltip: [rung, reason].filter(Boolean).join(': '),
    },
  ];
}

/** Below the mounts of a host: that there are more of them, if there are. */
export function leftOutField(count: number): FieldNode[] {
  if (count === 0) return [];
  const tooltip = t(
    'The host has more mounts than Livemount follows. Folders on the others can be opened, but their changes do not show by themselves.',
  );
  return [field(t('More mounts'), t('{0}, too many to be followed', String(count)), 'warning', tooltip)];
}

/** What a person asks of a mount: is it live, is it well, how full, may I write, what happened last. */
export function mountAnswers(
  view: SuperblockView,
  counts: MountCounts | undefined,
  isSilenced: boolean,
  last: HeardChange | undefined,
): FieldNode[] {
  const { reason } = view.mount;
  const live = liveness(view, isSilenced, t);
  const wrong = troubles(view, counts, t);
  const isWatched = !isSilenced && view.mount.backend !== 'none';
  const answers: FieldNode[] = [
    field(
      t('Changes show'),
      live,
      isWatched ? 'eye' : 'eye-closed',
      isSilenced ? t('Stopped by you.') : reason,
    ),
    wrong.length === 0
      ? field(t('Health'), t('well'), 'pass')
      : field(t('Health'), wrong.join(' '), 'warning', wrong.join('\n')),
  ];
  const space = spaceText(counts, t);
  if (space !== undefined) answers.push(field(t('Space'), space, 'database'));
  answers.push(
    isReadonly(view)
      ? field(t('Access'), t('read-only'), 'lock')
      : field(t('Access'), t('read and write'), 'edit'),
  );
  if (last !== undefined) {
    answers.push(field(t('Last change'), `${changeText(last)}, ${agoText(last)}`, 'history'));
  }
  return answers;
}

/** The rest, for who knows what it is; what is zero is left out. */
export function mountDetails(view: SuperblockView, counts: MountCounts | undefined): FieldNode[] {
  const { counters } = counts ?? {};
  const some = (label: string, count: number | bigint, value: string, tooltip?: string): FieldNode[] =>
    Number(count) === 0 ? [] : [field(label, value, undefined, tooltip)];
  return [
    field(t('Mount point'), view.mountpoint),
    field(t('Filesystem'), view.mount.fstype),
    field(t('Source'), view.mount.source),
    field(t('Options'), view.mount.options),
    field(t('Watched by'), watcher(view), undefined, view.mount.reason),
    field(t('Watches for'), maskInWords(view), undefined, `generation ${view.generation}`),
    ...some(t('Watches'), counters?.watches ?? 0n, t('{0} on the host', String(counters?.watches))),
    ...some(t('Polled'), counters?.polled ?? 0n, t('{0} folders', String(counters?.polled))),
    ...some(t('Waiting'), counters?.queued ?? 0n, t('{0} events on the host', String(counters?.queued))),
    ...some(
      t('Being written'),
      counters?.dirty ?? 0n,
      t('{0} files, not on the host’s disk yet', String(counters?.dirty)),
      t('“Sync to Disk” puts them there now.'),
    ),
    ...some(
      t('Overflows'),
      view.overflows,
      String(view.overflows),
      t('Times that more happened than fits a queue, and the host looked for the difference instead.'),
    ),
    ...some(t('Requests'), view.inFlight, t('{0} without an answer yet', String(view.inFlight))),
    ...some(t('Cache'), view.cachedBytes, t('{0} here (mode {1})', bytes(view.cachedBytes), view.cacheMode)),
    field(t('Device'), view.name),
  ].filter(({ value }) => value !== '');
}

export function changeText({ change }: HeardChange): string {
  return `${changeWord(change.kind)} ${change.path}${change.to === undefined ? '' : ` → ${change.to}`}`;
}

export function agoText({ at }: HeardChange): string {
  const ms = Date.now() - at;
  return ms < 1500 ? t('just now') : t('{0} ago', duration(ms));
}

function changeWord(kind: HeardChange['change']['kind']): string {
  switch (kind) {
    case 'create':
      return t('new:');
    case 'modify':
      return t('changed:');
    case 'attrib':
      return t('attributes:');
    case 'delete':
      return t('deleted:');
    case 'rename':
      return t('renamed:');
    case 'overflow':
      return t('too much at once:');
    case 'mount':
      return t('mounted:');
    case 'unmount':
      return t('unmounted:');
    case 'error':
      return t('error:');
  }
}

function field(label: string, value: string, icon?: string, tooltip?: string): FieldNode {
  return {
    type: 'field',
    label,
    value,
    ...(icon !== undefined && { icon }),
    ...(tooltip !== undefined && tooltip !== '' && { tooltip }),
  };
}
