import { fitMarkdown } from '../../base/fitToShow';
import type { Translate } from '../../client/describe';
import type { Change, Durability, Explanation, Stat } from '../../client/vfs';
import { describeMask } from '../../protocol/mask';
import { aboutMount, bytes, isReadonly, maskInWords, watchedBy } from './words';

export interface Facts {
  readonly host: string;
  readonly explanation: Explanation;
  /** Undefined: it could not be looked at, for this reason. */
  readonly stat: Stat | undefined;
  readonly problem: string | undefined;
  /** Where the link leads. */
  readonly target: string | undefined;
  readonly durability: Durability;
  /** A time of the host, for people. */
  readonly timeText: (ns: bigint) => string;
}

/**
 * The page of "Explain This File", in Markdown: two sentences anybody understands, the facts of the file, what cannot be
 * seen there, and the details for those who know what they are. All that is the host's is made fit for Markdown.
 */
export function explanationPage(facts: Facts, t: Translate): string {
  const { host, explanation, stat, problem, target } = facts;
  const { superblock: view, blindSpots } = explanation;
  return [
    `# ${fitMarkdown(explanation.path)}`,
    '',
    `${liveness(explanation, t)} ${saving(facts, t)}`,
    '',
    ...(problem === undefined ? [] : [fitMarkdown(problem), '']),
    '| | |',
    '| --- | --- |',
    row(t('Host'), host),
    row(t('Lies on'), `${view.mountpoint}: ${aboutMount(view)}`),
    ...(target === undefined ? [] : [row(t('Link to'), target)]),
    ...(stat === undefined ? [] : statRows(stat, facts, t)),
    row(t('Last change seen'), lastChange(explanation.lastEvent, facts, t)),
    '',
    ...(blindSpots.length === 0
      ? []
      : [
          `## ${t('What can’t be seen here')}`,
          '',
          ...blindSpots.map((spot) => `- ${fitMarkdown(spot)}`),
          '',
        ]),
    `## ${t('Details')}`,
    '',
    ...details(explanation),
    '',
  ].join('\n');
}

/** Filesystems without a disk. */
const MEMORY: ReadonlySet<string> = new Set(['tmpfs', 'ramfs']);

function row(label: string, value: string): string {
  return `| ${label} | ${fitMarkdown(value)} |`;
}

/** Whether, and how soon, a change made on the host shows here. */
function liveness({ superblock, marks, lease }: Explanation, t: Translate): string {
  const { backend, pollMs } = superblock.mount;
  if (superblock.notResponding) {
    return t(
      'The filesystem that holds it does not answer, so changes on the host can’t show until it does.',
    );
  }
  if (backend === 'none' || !marks.some(({ acknowledged }) => acknowledged)) {
    return t(
      'Nothing watches it for this window: a change on the host shows when it is opened or refreshed.',
    );
  }
  if (backend === 'poll' || lease === 'timeout') {
    return t(
      'Changes on the host show here within about {0} seconds, as often as the host is asked.',
      String(Math.max(1, Math.round(pollMs / 1000))),
    );
  }
  return t('Changes on the host show here at once.');
}

/** Where a save goes, and when it is safe there. */
function saving({ explanation, stat, durability }: Facts, t: Translate): string {
  const { superblock: view } = explanation;
  if (isReadonly(view)) return t('Nothing can be saved: the filesystem is mounted read-only.');
  if (stat?.readonly) return t('Your user on the host may not write it; “Save as Root…” may.');
  const where = fitMarkdown(
    view.mount.source === view.mount.fstype || view.mount.source === 'none'
      ? view.mount.fstype
      : `${view.mount.source}, ${view.mount.fstype}`,
  );
  if (MEMORY.has(view.mount.fstype)) {
    return t('Saves go to {0}, in the host’s memory: they are gone when it is restarted.', where);
  }
  if (durability === 'fsync') {
    return t('Saves go to {0}, and are on its disk before the editor says “saved”.', where);
  }
  if (durability === 'syncfs') return t('Saves go to {0}, and are put on its disk a second later.', where);
  return t('Saves go to {0}, which writes them to its disk when it likes.', where);
}

function statRows(stat: Stat, { timeText }: Facts, t: Translate): string[] {
  const size =
    stat.kind === 'directory' ? [] : [row(t('Size'), `${bytes(stat.size)} (${stat.size} ${t('bytes')})`)];
  return [
    ...size,
    row(t('Modified'), timeText(stat.mtimeNs)),
    row(t('Owner and group'), `${stat.uid}:${stat.gid}`),
    row(t('Mode'), modeText(stat.mode)),
    row(t('You may write it'), stat.readonly ? t('no') : t('yes')),
    ...(stat.nlink > 1 && stat.kind === 'file' ? [row(t('Names of the same file'), String(stat.nlink))] : []),
  ];
}

/** `rwxr-x---` and the octal form. */
function modeText(mode: number): string {
  const triplets = [6, 3, 0].map((shift) => {
    const bits = mode >> shift;
    return `${bits & 4 ? 'r' : '-'}${bits & 2 ? 'w' : '-'}${bits & 1 ? 'x' : '-'}`;
  });
  return `${triplets.join('')} (${(mode & 0o7777).toString(8).padStart(4, '0')})`;
}

function lastChange(change: Change | undefined, { timeText }: Facts, t: Translate): string {
  if (change === undefined) return t('none by this window');
  const to = change.to === undefined ? '' : ` → ${change.to}`;
  return `${change.kind} ${change.path}${to}, ${timeText(change.timeNs)}`;
}

const rights: Readonly<Record<Explanation['lease'], string>> = {
  lease: 'valid until the host tells of a change',
  timeout: 'valid for a moment, then asked again',
  none: 'never used without asking',
};

/** In the terms of the log and of docs/: for who asks. */
function details({ superblock: view, marks, lastEvent, cached, lease }: Explanation): string[] {
  return [
    `- mount ${fitMarkdown(view.name)}, ${fitMarkdown(watchedBy(view))}${view.mount.reason === '' ? '' : `: ${fitMarkdown(view.mount.reason)}`}`,
    `- aggregated mask: ${maskInWords(view)}; generation ${view.generation}`,
    ...marks.map(
      (mark) =>
        `- mark on ${fitMarkdown(mark.path)}${mark.recursive ? ' and below' : ''}: ${describeMask(mark.mask)}${mark.acknowledged ? '' : ' (not acknowledged yet)'}`,
    ),
    ...(marks.length === 0 ? ['- no mark covers it'] : []),
    `- known without asking: ${cached.length === 0 ? 'nothing' : `${cached.join(', ')}; ${rights[lease]}`}`,
    ...(lastEvent === undefined ? [] : [`- last event: number ${lastEvent.seq}`]),
  ];
}
