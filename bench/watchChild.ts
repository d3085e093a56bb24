// One watcher in a process of its own, so that its memory and CPU time are its own:
//   node --import tsx bench/watchChild.ts NAME TREE
// Says what happened in lines of JSON on standard output; a line on standard input asks for one.
import { createInterface } from 'node:readline';
import { isPumpWorker, runPumpWorker } from '../src/agent/libc/pumpWorker';
import { type Heard, openWatcher } from './watchers';

/** What one phase of the storm must show: a file is named stormN, its new name stormN.renamed. */
interface Tally {
  readonly seen: Set<string>;
  events: number;
}

const [name = '', tree = ''] = process.argv.slice(2);
const tally: Tally = { seen: new Set(), events: 0 };
const delays: number[] = [];

function heard({ path, atNs }: Heard): void {
  tally.events++;
  const file = path.slice(path.lastIndexOf('/') + 1);
  if (file.startsWith('storm')) tally.seen.add(file.endsWith('.renamed') ? file.slice(0, -8) : file);
  else if (file.startsWith('probe')) {
    const writtenNs = BigInt(file.slice(5));
    delays.push(Number(atNs - writtenNs) / 1e6);
  }
}

function say(value: object): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

async function main(): Promise<void> {
  // A watcher alone need not keep a process alive.
  const alive = setInterval(() => {}, 1000);
  global.gc?.();
  const before = process.memoryUsage().rss;
  const started = performance.now();
  const watcher = await openWatcher(name, tree, heard);
  const setupMs = performance.now() - started;
  await watcher.settled?.();
  global.gc?.();
  say({ ready: true, setupMs, rss: process.memoryUsage().rss - before, childRss: watcher.childRss?.() ?? 0 });
  let cpu = process.cpuUsage();
  let childCpu = watcher.childCpuMs?.() ?? 0;
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === 'start') {
      tally.seen.clear();
      tally.events = 0;
      cpu = process.cpuUsage();
      childCpu = watcher.childCpuMs?.() ?? 0;
      say({ started: true });
    } else if (line === 'tally') {
      const used = process.cpuUsage(cpu);
      const cpuMs = (used.user + used.system) / 1000 + (watcher.childCpuMs?.() ?? 0) - childCpu;
      say({ seen: tally.seen.size, events: tally.events, cpuMs, rss: process.memoryUsage().rss - before });
    } else if (line === 'delays') {
      say({ delays: delays.splice(0).sort((a, b) => a - b) });
    } else break;
  }
  watcher.dispose();
  clearInterval(alive);
  process.exit(0);
}

if (isPumpWorker()) runPumpWorker();
else
  main().catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
    process.exit(1);
  });
