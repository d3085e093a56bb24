import { readdirSync, readFileSync } from 'node:fs';

interface Member {
  readonly pid: number;
  readonly session: number;
  readonly state: string;
}

/** A process as proc_pid_stat(5) tells of it; undefined when there is none. */
function memberOf(pid: number): Member | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined; // It ended.
  }
  // The name in parentheses may hold anything; fields are counted behind it.
  const [state = '', , , session] = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { pid, session: Number(session), state };
}

/**
 * Signals every process of a session (setsid(2)), of which `leader` was the first. While any of them lives the kernel
 * gives its number to nobody else; `leaderIsOver` says that the leader was waited for, and then a process with that very
 * number is a stranger's whole new session. Gives how many were there.
 */
export function signalSession(leader: number, leaderIsOver: boolean, signal: number): number {
  if (leaderIsOver && memberOf(leader) !== undefined) return 0;
  let found = 0;
  for (const pid of sessions.get(leader)) {
    // It may have ended since all were looked at, and another one have its number.
    const member = memberOf(pid);
    if (member === undefined || member.session !== leader || member.state === 'Z') continue;
    found++;
    send(pid, signal);
  }
  return found;
}

/** A look at all processes costs some 10 ms on a busy host; many that end together share one. */
const LOOK_HOLDS_MS = 20;

/** Who is in which session, as of the last look. */
const sessions = {
  at: Number.NEGATIVE_INFINITY,
  members: new Map<number, number[]>(),
  get(leader: number): readonly number[] {
    if (performance.now() - this.at > LOOK_HOLDS_MS) {
      this.members.clear();
      for (const name of readdirSync('/proc')) {
        const pid = Number(name);
        const member = Number.isInteger(pid) ? memberOf(pid) : undefined;
        if (member === undefined) continue;
        const known = this.members.get(member.session);
        if (known === undefined) this.members.set(member.session, [pid]);
        else known.push(pid);
      }
      this.at = performance.now();
    }
    return this.members.get(leader) ?? [];
  },
};

/** True: there was somebody to take it. */
export function send(pid: number, signal: number): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false; // It ended, or became another user's.
  }
}
