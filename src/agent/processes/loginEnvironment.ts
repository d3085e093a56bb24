import { readFileSync } from 'node:fs';
import type { Login, ReadEnvironment } from '../../server/processes/launch';

/** Programs that start within this time, in ms, of another one share what a login reads. */
const BURST_MS = 5000;
/** What could not be read is not tried again for so long, in ms: who started programs meanwhile has waited for it. */
const GIVEN_UP_MS = 60_000;
/** Startup files that print more, or take longer, are read by each program's own login. */
const OUTPUT_MAX = 1 << 20;
/** A name that /bin/sh passes on; it drops others. */
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** Each shell sets them for itself. */
const OWN = new Set(['_', 'PWD', 'OLDPWD', 'SHLVL']);
/** What no startup file prints before it is done. */
const MARK = 'livemount-environment';

/** Runs a program in a login of its own, and gives what it printed; undefined when it failed, or took too long. */
export type RunInLogin = (
  login: Login,
  program: readonly string[],
  most: number,
) => Promise<Buffer | undefined>;

/**
 * What startup files make of a login. One program alone has them read by a login of its own; of many that start at
 * once, the second has them read for all that follow, for so long as programs keep starting. What can't be told so
 * (limits, functions of a shell, a shell that ends) leaves each program its own login.
 */
export class LoginEnvironment {
  private startedAt = Number.NEGATIVE_INFINITY;
  private known:
    | { readonly key: string; until: number; readonly read: Promise<ReadEnvironment | undefined> }
    | undefined;

  constructor(
    private readonly run: RunInLogin,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** For a program that starts now; undefined: it needs a login of its own. */
  async forProgram(login: Login): Promise<ReadEnvironment | undefined> {
    const now = this.now();
    const isBurst = now - this.startedAt < BURST_MS;
    this.startedAt = now;
    const key = JSON.stringify(login);
    if (this.known?.key === key && now < this.known.until) return this.known.read;
    if (!isBurst) return undefined;
    const read = this.read(login).catch(() => undefined);
    const known = { key, until: Number.POSITIVE_INFINITY, read };
    this.known = known;
    const found = await read;
    known.until = this.now() + (found === undefined ? GIVEN_UP_MS : BURST_MS);
    return found;
  }

  private async read(login: Login): Promise<ReadEnvironment | undefined> {
    const script = `umask; cat /proc/self/limits; printf '%s\\0' ${MARK}; exec env -0`;
    const printed = await this.run(login, ['/bin/sh', '-c', script], OUTPUT_MAX);
    if (printed === undefined) return undefined;
    const end = printed.indexOf(`${MARK}\0`);
    if (end < 0 || printed.at(-1) !== 0) return undefined;
    const [umask = '', ...limits] = printed.toString('latin1', 0, end).split('\n');
    if (!/^[0-7]+$/.test(umask) || limits.join('\n') !== readFileSync('/proc/self/limits', 'latin1'))
      return undefined;
    const variables = stringsOf(printed.subarray(end + MARK.length + 1)).map((bytes) => {
      const at = bytes.indexOf('=');
      return { name: bytes.toString('latin1', 0, Math.max(at, 0)), bytes };
    });
    if (variables.some(({ name }) => !NAME.test(name))) return undefined;
    return {
      umask: Number.parseInt(umask, 8),
      variables: variables.filter(({ name }) => !OWN.has(name)).map(({ bytes }) => bytes),
    };
  }
}

function stringsOf(bytes: Buffer): Buffer[] {
  const strings: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(0, at);
    strings.push(bytes.subarray(at, end));
    at = end + 1;
  }
  return strings;
}
