import { spawn } from 'node:child_process';
import { readFileSync, watch as watchFs } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { Pump } from '../src/agent/libc/pump';
import { Lanes } from '../src/agent/posix/lanes';
import { MountTable } from '../src/agent/posix/mountTable';
import { HostBackends } from '../src/agent/watch/hostBackends';
import { encodeEvents } from '../src/protocol/events';
import { MARK_SUBTREE } from '../src/protocol/livemount';
import { IN_CHANGES } from '../src/protocol/mask';
import { NO_CURSORS } from '../src/protocol/resume';
import { Watches } from '../src/server/watch/service';

export interface Heard {
  readonly path: string;
  /** CLOCK_MONOTONIC when the callback ran. */
  readonly atNs: bigint;
}

/** A watcher on a whole tree, ready when it is opened. */
export interface Watcher {
  /** Everything that is done behind the set-up is done. */
  settled?(): Promise<void>;
  /** Of a process of its own, if it has one. */
  childCpuMs?(): number;
  childRss?(): number;
  dispose(): void;
}

type Open = (tree: string, heard: (event: Heard) => void) => Promise<Watcher>;

const require = createRequire(__filename);

/** Frames that wait in a channel, say. */
const KEPT_FRAMES = 16;

/** Our watch path with what the agent has around it: a thread reads the events, and they are encoded as frames. */
function livemount(backend: 'inotify' | 'fanotify'): Open {
  return async (tree, heard) => {
    const mounts = new MountTable();
    const pump = new Pump();
    const backends = new HostBackends({
      openSource: (fd, onBytes) => pump.read(fd, onBytes),
      lanes: new Lanes(mounts),
      force: backend,
    });
    const service = new Watches({ mounts, backends });
    const session = service.open();
    const frames: Buffer[] = [];
    session.attach(
      {
        events(sb, events) {
          const atNs = process.hrtime.bigint();
          frames.push(encodeEvents({ sb, flags: 0, events }));
          if (frames.length > KEPT_FRAMES) frames.length = 0;
          for (const event of events) heard({ path: event.path.toString(), atNs });
          return true;
        },
        mount() {},
        fsError() {},
      },
      NO_CURSORS,
    );
    const mount = mounts.covering(Buffer.from(tree));
    const path = Buffer.from(tree).subarray(mount.mountpoint.length === 1 ? 1 : mount.mountpoint.length + 1);
    await session.update(
      mount.sb,
      1n,
      [{ path, mask: IN_CHANGES, flags: MARK_SUBTREE, excludes: [] }],
      false,
    );
    return {
      settled: () => service.caughtUp(),
      dispose() {
        session.dispose();
        service.dispose();
        pump.dispose();
      },
    };
  };
}

const parcel: Open = async (tree, heard) => {
  const { subscribe } = require('@parcel/watcher') as typeof import('@parcel/watcher');
  const subscription = await subscribe(tree, (error, events) => {
    const atNs = process.hrtime.bigint();
    if (error) process.stderr.write(`@parcel/watcher: ${error.message}\n`);
    for (const event of events ?? []) heard({ path: event.path, atNs });
  });
  return { dispose: () => void subscription.unsubscribe() };
};

const chokidar: Open = async (tree, heard) => {
  const { watch } = (await import('chokidar')) as typeof import('chokidar');
  const watcher = watch(tree, { ignoreInitial: true });
  watcher.on('all', (_kind, path) => heard({ path, atNs: process.hrtime.bigint() }));
  await new Promise<void>((resolve) => watcher.on('ready', () => resolve()));
  return { dispose: () => void watcher.close() };
};

const nodeWatch: Open = async (tree, heard) => {
  const watcher = watchFs(tree, { recursive: true }, (_kind, name) => {
    heard({ path: String(name), atNs: process.hrtime.bigint() });
  });
  return { dispose: () => watcher.close() };
};

/** Ticks of /proc/PID/stat in milliseconds (USER_HZ is 100). */
function processCpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

function processRss(pid: number): number {
  const line = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'));
  return Number(line?.[1] ?? 0) * 1024;
}

const inotifywait: Open = async (tree, heard) => {
  const events = 'create,modify,close_write,moved_to,moved_from,delete,attrib';
  const child = spawn('inotifywait', ['-m', '-r', '-e', events, '--format', '%w%f', tree]);
  createInterface({ input: child.stdout }).on('line', (path) =>
    heard({ path, atNs: process.hrtime.bigint() }),
  );
  await new Promise<void>((resolve, reject) => {
    child.on('error', reject);
    createInterface({ input: child.stderr }).on('line', (line) => {
      if (line.startsWith('Watches established')) resolve();
    });
  });
  const pid = child.pid ?? 0;
  return {
    childCpuMs: () => processCpuMs(pid),
    childRss: () => processRss(pid),
    dispose: () => void child.kill(),
  };
};

const watchers: Record<string, Open> = {
  'livemount inotify': livemount('inotify'),
  'livemount fanotify': livemount('fanotify'),
  '@parcel/watcher': parcel,
  inotifywait,
  chokidar,
  'fs.watch': nodeWatch,
};

export function openWatcher(name: string, tree: string, heard: (event: Heard) => void): Promise<Watcher> {
  const open = watchers[name];
  if (open === undefined) throw new Error(`no watcher ${name}`);
  return open(tree, heard);
}
