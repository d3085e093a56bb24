import type { Disposable } from '../../base/dispose';
import { BoundedMap } from '../../base/boundedMap';
import type { SuperblockView, Vfs } from '../../client/vfs';
import type { HostSession } from '../hosts/hostSession';
import type { MountCounts } from './mountHealth';

/** What was asked less long ago than this is not asked again. */
const FRESH_MS = 2500;
/** Mounts remembered; a host has dozens, of which a few are looked at. */
const REMEMBERED = 500;

interface Kept extends MountCounts {
  readonly askedAt: number;
  readonly isAsking: boolean;
}

/**
 * How full mounts are, and the agent's counts of them, as they were asked last. Nothing waits for an answer: a mount that
 * hangs leaves its own row as it was, and the others go on.
 */
export class MountCounters implements Disposable {
  private readonly kept = new BoundedMap<string, Kept>(REMEMBERED);
  private disposed = false;

  constructor(private readonly changed: () => void) {}

  of(view: SuperblockView): MountCounts | undefined {
    return this.kept.get(view.name);
  }

  /** Asks for what is not fresh. */
  ask(session: HostSession, views: readonly SuperblockView[]): void {
    const { current: vfs } = session;
    if (vfs?.state !== 'connected') return;
    const now = Date.now();
    for (const view of views) {
      const known = this.kept.get(view.name);
      const isFresh = known !== undefined && (known.isAsking || now - known.askedAt < FRESH_MS);
      if (view.notResponding || isFresh) continue;
      this.kept.set(view.name, { ...known, askedAt: now, isAsking: true });
      void this.fetch(vfs, view);
    }
  }

  dispose(): void {
    this.disposed = true;
  }

  private async fetch(vfs: Vfs, view: SuperblockView): Promise<void> {
    const before = this.kept.get(view.name);
    const [space, counters] = await Promise.all([
      vfs.statfs(view.mountpoint).catch(() => before?.space),
      vfs.statSuperblock(view.mount.sb).catch(() => before?.counters),
    ]);
    if (this.disposed) return;
    const now: MountCounts = { ...(space && { space }), ...(counters && { counters }) };
    this.kept.set(view.name, { ...now, askedAt: Date.now(), isAsking: false });
    if (!isSame(before, now)) this.changed();
  }
}

function isSame(before: MountCounts | undefined, now: MountCounts): boolean {
  const text = (counts: MountCounts | undefined) =>
    JSON.stringify([counts?.space, counts?.counters], (_key, value) =>
      typeof value === 'bigint' ? String(value) : value,
    );
  return text(before) === text(now);
}
