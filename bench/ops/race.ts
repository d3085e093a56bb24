import { join } from 'node:path';
import type { Contestant, Measurement, Memory } from './contestant';
import type { PeerName } from './peer';
import type { Scale } from './scales';
import type { TracedCall } from './trace';
import { makeProject } from './tree';
import { type Site, WORK, type Work, type WorkName } from './work';

/** Who does what: OpenSSH's programs and a raw channel only move files. */
const BULK: readonly WorkName[] = ['readLarge', 'writeLarge'];
const ONLY: Readonly<Partial<Record<PeerName, readonly WorkName[]>>> = {
  openssh: [...BULK, 'smallFiles'],
  channel: BULK,
};

export interface Timing extends Measurement {
  /** For work that is told as a rate: how many a second. */
  readonly rate?: number;
}

/** All measurements of one round trip: by work, by peer, one for each repetition. */
export interface Leg {
  readonly rttMs: number;
  readonly measurements: Map<WorkName, Map<PeerName, Timing[]>>;
  /** At the end of the leg. */
  readonly memory: Map<PeerName, Memory>;
}

export interface Course {
  readonly scale: Scale;
  readonly works: readonly WorkName[];
  readonly trace: readonly TracedCall[];
  /** A folder of the host, with what is shared by all already in it. */
  readonly folder: string;
  readonly bulk: string;
  readonly log: (line: string) => void;
}

/** Has all contestants do all work at one round trip, taking turns at every piece, in an order that moves on each time. */
export async function runLeg(
  contestants: readonly Contestant[],
  link: Scale['links'][number],
  course: Course,
): Promise<Leg> {
  const { rttMs, repetitions } = link;
  const leg: Leg = { rttMs, measurements: new Map(), memory: new Map() };
  for (const contestant of contestants) {
    contestant.delay = rttMs / 2;
    await contestant.fresh();
  }
  let turn = 0;
  for (let repetition = 0; repetition < repetitions; repetition++) {
    const site = makeSite(course, link, repetition, contestants);
    for (const name of course.works) {
      const work: Work = WORK[name];
      const order = rotated(contestants, turn++).filter((one) => ONLY[one.name]?.includes(name) ?? true);
      for (const contestant of order) {
        const largeBytes = course.scale.largeBytes(rttMs, contestant.name);
        if (work.cold) await contestant.fresh();
        const mine: Site = { ...site, largeBytes, own: ownFolder(site.project, contestant) };
        const measured = await contestant.work(name, mine);
        const count = work.amount?.(mine).count;
        keep(leg, name, contestant.name, {
          ...measured,
          ...(count !== undefined && { rate: (count / measured.ms) * 1000 }),
        });
        course.log(
          `${rttMs} ms, ${repetition + 1}/${repetitions}, ${name}, ${contestant.name}: ${measured.ms.toFixed(1)} ms`,
        );
      }
    }
  }
  for (const contestant of contestants) {
    const memory = await contestant.memory();
    if (memory !== undefined) leg.memory.set(contestant.name, memory);
  }
  return leg;
}

/** A fresh project, with a folder to write to for each peer. */
function makeSite(
  { scale, trace, folder, bulk }: Course,
  { rttMs, smallFiles }: Scale['links'][number],
  repetition: number,
  contestants: readonly Contestant[],
): Omit<Site, 'largeBytes' | 'own'> {
  const project = join(folder, `project-${rttMs}-${repetition}`);
  makeProject(project, scale.sizes);
  for (const contestant of contestants) {
    makeProject(ownFolder(project, contestant), { ...scale.sizes, folders: 0 });
  }
  return { project, bulk, sizes: { ...scale.sizes, smallFiles }, trace };
}

function ownFolder(project: string, { name }: Contestant): string {
  return join(project, `own-${name}`);
}

function keep(leg: Leg, work: WorkName, peer: PeerName, measured: Timing): void {
  const byPeer = leg.measurements.get(work) ?? new Map<PeerName, Timing[]>();
  leg.measurements.set(work, byPeer);
  const list = byPeer.get(peer) ?? [];
  byPeer.set(peer, list);
  list.push(measured);
}

function rotated<T>(list: readonly T[], by: number): T[] {
  const at = by % list.length;
  return [...list.slice(at), ...list.slice(0, at)];
}
