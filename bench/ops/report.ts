import { type Bar, barChart } from '../report/barChart';
import { digits, duration, median } from '../report/numbers';
import { markdownTable } from '../report/page';
import { PEERS, type PeerName } from './peer';
import type { Leg, Timing } from './race';
import { WORK, type Work, type WorkName } from './work';

const works = Object.entries(WORK) as [WorkName, Work][];
const peers = Object.keys(PEERS) as PeerName[];

/** Peers that took part in a leg, in their fixed order. */
function takingPart(leg: Leg): PeerName[] {
  return peers.filter((peer) => [...leg.measurements.values()].some((byPeer) => byPeer.has(peer)));
}

/** The work that was done in a leg, in its fixed order. */
function measured(leg: Leg): [WorkName, Work][] {
  return works.filter(([name]) => leg.measurements.has(name));
}

/** The tables of all legs. */
export function report(legs: readonly Leg[]): string {
  const [first] = legs;
  return [
    ...legs.map((leg) => `### At a round trip of ${leg.rttMs} ms\n\n${legTable(leg)}`),
    ...(first === undefined
      ? []
      : [`### Processor and memory, all work at ${first.rttMs} ms\n\n${useTable(first)}`]),
    `### Goals\n\n${goals(legs)}`,
  ].join('\n\n');
}

/** Durations with the round trips waited for, where there is a delay that makes them countable; else rates. */
function legTable(leg: Leg): string {
  const names = takingPart(leg);
  const rows = measured(leg).map(([name, work]) => {
    const unit =
      work.amount === undefined
        ? ''
        : `, ${work.amount({ sizes: { smallFiles: 0 }, largeBytes: 0 } as never).unit}`;
    return [`${work.title}${unit}`, ...names.map((peer) => cell(leg, name, peer))];
  });
  return markdownTable(['', ...names.map((peer) => PEERS[peer].title)], rows);
}

function cell(leg: Leg, work: WorkName, peer: PeerName): string {
  const timings = leg.measurements.get(work)?.get(peer);
  if (timings === undefined) return '';
  if (timings[0]?.rate !== undefined) return digits(median(rates(timings)));
  const trips = leg.rttMs === 0 ? '' : ` (${digits(median(timings.map((timing) => timing.roundTrips)))})`;
  return `${duration(median(timings.map((timing) => timing.ms)))}${trips}`;
}

function rates(timings: readonly Timing[]): number[] {
  return timings.flatMap(({ rate }) => (rate === undefined ? [] : [rate]));
}

/** For all the work of a leg, of those who did all of it. */
function useTable(leg: Leg): string {
  const names = takingPart(leg).filter((peer) =>
    measured(leg).every(([name]) => leg.measurements.get(name)?.has(peer)),
  );
  const seconds = (peer: PeerName, of: (timing: Timing) => number | undefined) => {
    const timings = [...leg.measurements.values()].flatMap((byPeer) => byPeer.get(peer) ?? []);
    return timings.reduce((total, timing) => total + (of(timing) ?? 0), 0);
  };
  const row = (title: string, value: (peer: PeerName) => number) => [
    title,
    ...names.map((peer) => digits(value(peer))),
  ];
  return markdownTable(
    ['', ...names.map((peer) => PEERS[peer].title)],
    [
      row('processor here, s', (peer) => seconds(peer, (timing) => timing.cpuS)),
      row('processor on the host, s', (peer) => seconds(peer, (timing) => timing.hostCpuS)),
      row('memory here at the end, MiB', (peer) => leg.memory.get(peer)?.mib ?? 0),
      row('memory on the host at the end, MiB', (peer) => leg.memory.get(peer)?.hostMib ?? 0),
    ],
  );
}

/** Each goal with what was reached, said plainly. */
function goals(legs: readonly Leg[]): string {
  const near = legs.find((leg) => leg.rttMs === 0);
  const far = legs.at(-1);
  if (near === undefined || far === undefined || far === near)
    return 'Not judged: they need a link with a delay.';
  const ms = (work: WorkName, peer: PeerName) =>
    median((far.measurements.get(work)?.get(peer) ?? []).map((timing) => timing.ms));
  const rate = (leg: Leg, work: WorkName, peer: PeerName) =>
    median(rates(leg.measurements.get(work)?.get(peer) ?? []));
  const trips = median(
    (far.measurements.get('openAgain')?.get('livemount') ?? []).map((timing) => timing.roundTrips),
  );
  const lines = [
    goal(
      `Opening a folder cold at ${far.rttMs} ms is at least 20 times faster than SFTP as SSH FS uses it`,
      ms('open', 'sshfsExtension') / ms('open', 'livemount'),
      20,
    ),
    `- ${trips === 0 ? 'met' : '**not met**'}: opening it again costs no round trip (${digits(trips)})`,
    ...(['readLarge', 'writeLarge'] as const).flatMap((work) => [
      goal(
        `${WORK[work].title}, loopback: at least 0.8 of one raw channel`,
        rate(near, work, 'livemount') / rate(near, work, 'channel'),
        0.8,
      ),
      goal(
        `${WORK[work].title}, ${far.rttMs} ms: at least twice OpenSSH’s sftp`,
        rate(far, work, 'livemount') / rate(far, work, 'openssh'),
        2,
      ),
    ]),
    ...aheadOfSshfs(legs),
  ];
  return lines.join('\n');
}

function goal(sentence: string, ratio: number, wanted: number): string {
  const judged = Number.isNaN(ratio) ? 'not measured' : ratio >= wanted ? 'met' : '**not met**';
  return `- ${judged}: ${sentence} (${digits(ratio)})`;
}

/** Ahead of sshfs in every row; the rows where it is not are named. */
function aheadOfSshfs(legs: readonly Leg[]): string[] {
  const behind = legs.flatMap((leg) =>
    works.flatMap(([name, { title }]) => {
      const [ours, theirs] = (['livemount', 'sshfs'] as const).map(
        (peer) => leg.measurements.get(name)?.get(peer) ?? [],
      );
      if (ours === undefined || theirs === undefined || theirs.length === 0) return [];
      const speed = (timings: readonly Timing[]) =>
        median(timings.map((timing) => timing.rate ?? 1 / timing.ms));
      return speed(ours) >= speed(theirs) ? [] : [`${title} at ${leg.rttMs} ms`];
    }),
  );
  const isMeasured = legs.some((leg) => takingPart(leg).includes('sshfs'));
  if (!isMeasured) return ['- not measured: sshfs is not installed'];
  if (behind.length === 0) return ['- met: ahead of sshfs in every row'];
  return [`- **not met**: ahead of sshfs in every row; behind in: ${behind.join('; ')}`];
}

/** What people wait for on the farthest link, as a picture. */
export function chart(legs: readonly Leg[]): string {
  const far = legs.at(-1);
  if (far === undefined) throw new Error('nothing was measured');
  const shown = takingPart(far).filter((peer) => peer !== 'openssh' && peer !== 'channel');
  const groups = works
    .filter(([, work]) => work.amount === undefined)
    .map(([name, { title }]) => ({
      name: title.replace(/ when the window gets the focus/, ''),
      bars: shown.map((peer): Bar | undefined => {
        const timings = far.measurements.get(name)?.get(peer);
        if (timings === undefined) return undefined;
        const value = median(timings.map((timing) => timing.ms));
        return { value, label: duration(value) };
      }),
    }));
  return barChart({
    title: `What one waits for at a round trip of ${far.rttMs} ms`,
    subtitle: 'Shorter is better.',
    unit: 'ms',
    series: shown.map((peer) => ({ name: PEERS[peer].title, colour: PEERS[peer].colour })),
    groups,
  });
}
