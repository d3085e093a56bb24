/** Interrupting system calls that threads of the pool are blocked in. */
import { readdirSync, readFileSync } from 'node:fs';
import { type Argument, Libc } from './libc';
import { quietSyscall, runSync, type Step } from './op';
import { syscallNumber } from './syscalls';

/** Nobody sends it and without a handler it does nothing; Node's handler restarts whatever call it hits by mistake. */
const SIGNAL = 'SIGURG';
const SIGNAL_NUMBER = 23;
/** A call whose thread is not found is only about to be made, or just done: it is looked for again, less and less often. */
const FIRST_RETRY_MS = 5;
const LAST_RETRY_MS = 1000;

const TASKS = '/proc/self/task';
const tgkill = quietSyscall('tgkill', 'int', 'int', 'int');
const LOW_32 = 0xffff_ffffn;

interface Wanted {
  readonly stillUnderWay: () => boolean;
  readonly call: CallPattern;
}

/**
 * Sends a signal to the thread that is in a certain call, so that the kernel tells the filesystem: FUSE sends its
 * daemon an INTERRUPT, and the call ends when that answers. Network filesystems of the kernel's own (NFS, CIFS, 9p,
 * ceph) only listen to signals that kill the process, so they are not moved by it. The threads are libuv's, and koffi
 * does not say which one makes a call: /proc/self/task/N/syscall does, by number and arguments (proc(5)); where there is
 * no such file, nothing is interrupted.
 */
export class Interrupter {
  private readonly wanted = new Set<Wanted>();
  private timer: NodeJS.Timeout | undefined;
  private retryMs = FIRST_RETRY_MS;
  private readonly onSignal = () => undefined;

  /** Interrupts a call; `stillUnderWay` says whether it is. */
  interrupt(step: Step, stillUnderWay: () => boolean): void {
    if (this.timer === undefined) process.on(SIGNAL, this.onSignal);
    this.wanted.add({ call: new CallPattern(step), stillUnderWay });
    this.retryMs = FIRST_RETRY_MS;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.signalAll(), 0);
  }

  /** All at once: looking at every thread takes a millisecond. */
  private signalAll(): void {
    for (const wanted of this.wanted) if (!wanted.stillUnderWay()) this.wanted.delete(wanted);
    if (this.wanted.size === 0) {
      // A round behind the last signal: taken away at once, the handler would be missing when the signal arrives.
      process.off(SIGNAL, this.onSignal);
      this.timer = undefined;
      return;
    }
    for (const { tid, call } of blockedThreads()) {
      for (const wanted of this.wanted) {
        if (!wanted.call.matches(call)) continue;
        runSync(tgkill(process.pid, tid, SIGNAL_NUMBER));
        this.wanted.delete(wanted);
      }
    }
    this.timer = setTimeout(() => this.signalAll(), this.retryMs).unref();
    this.retryMs = Math.min(2 * this.retryMs, LAST_RETRY_MS);
  }
}

/** A call as /proc/self/task/N/syscall shows it: its number, then its arguments. */
class CallPattern {
  private readonly number: bigint;
  private readonly args: readonly ((word: bigint) => boolean)[];

  constructor({ call, args }: Step) {
    this.number = BigInt(syscallNumber(call.name));
    this.args = args.map(wordTest);
  }

  matches([number, ...words]: readonly bigint[]): boolean {
    return number === this.number && this.args.every((test, i) => test(words[i] ?? 0n));
  }
}

/** An int may come with any upper half; a buffer is told by where it is, and nobody else has it meanwhile. */
function wordTest(argument: Argument): (word: bigint) => boolean {
  if (argument === null) return (word) => word === 0n;
  if (typeof argument === 'object') {
    const address = Libc.shared().addressOf(argument);
    return (word) => word === address;
  }
  const low = BigInt(argument) & LOW_32;
  return (word) => (word & LOW_32) === low;
}

function* blockedThreads(): Generator<{ tid: number; call: bigint[] }> {
  for (const name of taskNames()) {
    const call = callOf(name);
    if (call !== undefined) yield { tid: Number(name), call };
  }
}

function taskNames(): string[] {
  try {
    return readdirSync(TASKS);
  } catch {
    return [];
  }
}

/** Undefined: the thread runs, is gone, or the kernel does not tell. */
function callOf(task: string): bigint[] | undefined {
  try {
    const words = readFileSync(`${TASKS}/${task}/syscall`, 'latin1').trim().split(' ');
    return words.length < 7 || words[0] === '-1' ? undefined : words.slice(0, 7).map(BigInt);
  } catch {
    return undefined;
  }
}
