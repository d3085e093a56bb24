import type { Translate } from '../../client/describe';
import type { HostStatfsView, SuperblockView } from '../../client/vfs';
import type { SbstatOut } from '../../protocol/livemount';
import { bytes, isReadonly } from './words';

/** What was asked of a mount last; it may be a moment old, or not there yet. */
export interface MountCounts {
  readonly space?: HostStatfsView;
  readonly counters?: SbstatOut;
}

/** Filesystems in which nobody keeps files: the kernel's windows, one fold for all of them. */
const PSEUDO: ReadonlySet<string> = new Set([
  'autofs',
  'binfmt_misc',
  'bpf',
  'cgroup',
  'cgroup2',
  'configfs',
  'debugfs',
  'devpts',
  'devtmpfs',
  'efivarfs',
  'fusectl',
  'hugetlbfs',
  'mqueue',
  'nsfs',
  'proc',
  'pstore',
  'rpc_pipefs',
  'securityfs',
  'selinuxfs',
  'sysfs',
  'tracefs',
]);

export function isPseudo({ mount }: SuperblockView): boolean {
  return PSEUDO.has(mount.fstype);
}

/** Whether changes show here by themselves, in a few words. */
export function liveness(view: SuperblockView, isSilenced: boolean, t: Translate): string {
  const { backend, pollMs } = view.mount;
  if (view.notResponding) return t('does not answer');
  if (isSilenced || backend === 'none') return t('not watched');
  const seconds = String(Math.max(1, Math.round(pollMs / 1000)));
  if (backend === 'poll') return t('looked at every {0} s', seconds);
  return backend === 'inotify+poll' ? t('live, partly looked at every {0} s', seconds) : t('live');
}

/** What is wrong with a mount; empty: nothing is. */
export function troubles(view: SuperblockView, counts: MountCounts | undefined, t: Translate): string[] {
  const found: string[] = [];
  if (view.notResponding) found.push(t('The filesystem does not answer.'));
  if (view.errors > 0)
    found.push(t('It reported {0} errors; the host’s kernel log says more.', String(view.errors)));
  const used = usedPart(counts);
  if (used !== undefined && used >= 0.95 && !isReadonly(view)) found.push(t('It is almost full.'));
  return found;
}

/** From 0 to 1; undefined where space is not accounted. */
export function usedPart(counts: MountCounts | undefined): number | undefined {
  const space = counts?.space;
  if (space === undefined || space.totalBytes === 0n) return undefined;
  return 1 - Number(space.freeBytes) / Number(space.totalBytes);
}

export function spaceText(counts: MountCounts | undefined, t: Translate): string | undefined {
  const used = usedPart(counts);
  const space = counts?.space;
  if (space === undefined) return undefined;
  if (used === undefined) return t('not accounted');
  return t(
    '{0} free of {1} ({2} % used)',
    bytes(space.freeBytes),
    bytes(space.totalBytes),
    String(Math.round(used * 100)),
  );
}
