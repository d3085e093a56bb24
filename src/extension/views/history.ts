import { type Clock, systemClock } from '../../base/clock';
import { type Disposable, DisposableStore } from '../../base/dispose';
import type { Change } from '../../client/vfs';
import type { Hosts } from '../hosts/hosts';
import type { HostSession } from '../hosts/hostSession';
import type { WatchHub } from '../watchHub';

/** One sample is one bar of the plots. */
const SAMPLE_MS = 3000;
/** A minute and a half. */
const SAMPLES = 30;
const CHANGES = 30;

/** A change, and when it was heard here, by Date.now(). */
export interface HeardChange {
  readonly change: Change;
  readonly at: number;
}

interface HostHistory {
  /** Events per second, oldest first. */
  readonly rates: (number | undefined)[];
  /** Round trips in ms, oldest first; undefined while there was no connection. */
  readonly roundTrips: (number | undefined)[];
  /** The last changes, latest first. */
  readonly changes: HeardChange[];
  /** Events since the last sample. */
  counted: number;
}

/** What happened on each host lately: for the plots and the list of last changes in the Hosts view. */
export class History implements Disposable {
  private readonly owned = new DisposableStore();
  private readonly histories = new WeakMap<HostSession, HostHistory>();
  private timer: Disposable | undefined;

  constructor(
    private readonly hosts: Hosts,
    watches: WatchHub,
    private readonly clock: Clock = systemClock,
  ) {
    this.owned.add(watches.onDidHear(({ session, changes }) => this.heard(session, changes)));
    this.schedule();
  }

  of(session: HostSession): Readonly<HostHistory> {
    const known = this.histories.get(session);
    if (known !== undefined) return known;
    const made: HostHistory = { rates: [], roundTrips: [], changes: [], counted: 0 };
    this.histories.set(session, made);
    return made;
  }

  dispose(): void {
    this.owned.dispose();
    this.timer?.dispose();
  }

  private heard(session: HostSession, changes: readonly Change[]): void {
    const history = this.of(session) as HostHistory;
    history.counted += changes.length;
    const at = Date.now();
    for (const change of changes.slice(-CHANGES)) {
      // A log that grows is one row, which moves to the top, not all rows.
      const before = history.changes.findIndex((heard) => isSameKind(heard.change, change));
      if (before >= 0) history.changes.splice(before, 1);
      history.changes.unshift({ change, at });
    }
    history.changes.length = Math.min(history.changes.length, CHANGES);
  }

  private schedule(): void {
    this.timer = this.clock.after(SAMPLE_MS, () => {
      for (const session of this.hosts.all()) this.sample(session);
      this.schedule();
    });
  }

  private sample(session: HostSession): void {
    const history = this.of(session) as HostHistory;
    const isConnected = session.state === 'connected';
    push(history.rates, isConnected ? history.counted / (SAMPLE_MS / 1000) : undefined);
    push(history.roundTrips, isConnected ? session.current?.rttMs : undefined);
    history.counted = 0;
  }
}

function isSameKind(one: Change, other: Change): boolean {
  return one.kind === other.kind && one.path === other.path && one.to === other.to;
}

function push(samples: (number | undefined)[], value: number | undefined): void {
  samples.push(value);
  if (samples.length > SAMPLES) samples.shift();
}
