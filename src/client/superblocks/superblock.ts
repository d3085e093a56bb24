import type { Mask, SuperblockId } from '../../protocol/brand';
import { type MountRecord, superblockName } from '../../protocol/mountRecord';
import { MOUNT_FOREIGN_WRITES, MOUNT_HIDDEN, MOUNT_NOT_RESPONDING } from '../../protocol/livemount';
import { NO_EVENTS } from '../../protocol/mask';
import { normalize, type RemotePath } from '../../protocol/paths';
import { textOf } from '../../protocol/names';
import { Admission } from './admission';

/** Events per second, over the last whole seconds. */
const RATE_WINDOW_S = 5;

/** How long what is cached is believed under a watch that cannot see what other hosts write, in ms. */
const FOREIGN_LEASE_MS = 1000;

/** No mount has this id. */
export const NO_SUPERBLOCK = 0n as SuperblockId;

/** One mount of the host, as the client sees it. */
export class Superblock {
  private readonly admission: Admission;
  private readonly seconds = new Map<number, number>();
  events = 0;
  overflows = 0;
  errors = 0;
  /** The mask the agent has acknowledged here, and its generation. */
  aggregated: Mask = NO_EVENTS;
  generation = 0n;

  private current: MountRecord;
  private place: RemotePath;
  private unwatched: ReadonlySet<string>;

  constructor(record: MountRecord, suspected: (superblock: Superblock) => void) {
    this.admission = new Admission(this, () => suspected(this));
    this.current = record;
    this.place = normalize(textOf(record.mountpoint));
    this.unwatched = new Set(record.unwatched.map(textOf));
  }

  /** What the agent last told of it. */
  get record(): MountRecord {
    return this.current;
  }

  set record(record: MountRecord) {
    this.current = record;
    this.place = normalize(textOf(record.mountpoint));
    this.unwatched = new Set(record.unwatched.map(textOf));
  }

  /** Nothing is seen of a path (relative to the root) on the host: no watch vouches for it. */
  isUnwatched(path: string): boolean {
    if (this.unwatched.size === 0) return false;
    for (let at = path; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/')))) {
      if (this.unwatched.has(at)) return true;
      if (at === '') return false;
    }
  }

  get id(): SuperblockId {
    return this.record.sb;
  }

  get name(): string {
    return superblockName(this.record);
  }

  get mountpoint(): RemotePath {
    return this.place;
  }

  /** The agent told it; else it stands in for a table that is not known yet. */
  get isReal(): boolean {
    return this.record.sb !== NO_SUPERBLOCK;
  }

  /** Another mount stands over it. */
  get hidden(): boolean {
    return (this.record.flags & MOUNT_HIDDEN) !== 0;
  }

  get inFlight(): number {
    return this.admission.inFlight;
  }

  /** It let a request run into its deadline, or the agent says so. */
  get notResponding(): boolean {
    return this.admission.isHung || (this.record.flags & MOUNT_NOT_RESPONDING) !== 0;
  }

  /**
   * For how long a watch in force keeps what is cached here true, in ms: without end where the host tells every change,
   * the pace of the agent's polling where it finds them by comparing, 0 where nothing is watched.
   */
  get leaseMs(): number {
    const { backend, flags, pollMs } = this.record;
    if (backend === 'none') return 0;
    if (pollMs > 0) return pollMs;
    return (flags & MOUNT_FOREIGN_WRITES) !== 0 ? FOREIGN_LEASE_MS : Number.POSITIVE_INFINITY;
  }

  /**
   * Runs a request against this superblock, within its bound. ETIMEDOUT at once while it does not respond, so that
   * nobody waits for a dead mount twice.
   */
  run<T>(request: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return this.admission.run(request, signal);
  }

  /** Turns away the requests that wait for their turn: ESTALE. They were made for an agent that is gone. */
  dismiss(): void {
    this.admission.dismiss();
  }

  /** It answers again. */
  recovered(): void {
    this.admission.isHung = false;
  }

  /** Counts events, at a time in ms. */
  count(events: number, nowMs: number): void {
    this.events += events;
    const second = Math.floor(nowMs / 1000);
    this.seconds.set(second, (this.seconds.get(second) ?? 0) + events);
    for (const old of this.seconds.keys()) if (old < second - RATE_WINDOW_S) this.seconds.delete(old);
  }

  eventsPerSecond(nowMs: number): number {
    const second = Math.floor(nowMs / 1000);
    let sum = 0;
    for (const [at, count] of this.seconds) if (at >= second - RATE_WINDOW_S && at < second) sum += count;
    return sum / RATE_WINDOW_S;
  }
}
