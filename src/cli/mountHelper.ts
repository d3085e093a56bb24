import { basename } from 'node:path';
import { UsageError } from './usageError';

/** The name under which mount(8) runs a program for a type of filesystem: `mount -t livemount`, fstab(5), systemd.mount(5). */
const NAME = 'mount.livemount';

/** Options that mean nothing here, or that mount(8) has acted on. */
const IGNORED: ReadonlySet<string> = new Set(
  'defaults,rw,auto,noauto,nofail,_netdev,user,nouser,users,nousers,owner,group,exec,noexec,dev,nodev,suid,nosuid,relatime,noatime'.split(
    ',',
  ),
);
/** Options of ours as they stand in fstab(5). */
const OURS: Readonly<Record<string, (value: string) => readonly string[]>> = {
  ro: () => ['--read-only'],
  uid_map: () => ['--uid-map'],
  timeout: (value) => ['--timeout', value],
  ssh_config: (value) => ['--ssh-config', value],
  transport: (value) => ['--transport', value],
  reach: (value) => ['--reach', value],
};

/** The program was started by mount(8). */
export function isMountHelper(program: string | undefined): boolean {
  return program !== undefined && basename(program) === NAME;
}

/**
 * The command line that does what mount(8) asks of a helper: `SOURCE DIR [-sfnv] [-o OPTIONS]`. Undefined: nothing is to
 * be done. UsageError for an option that is not known.
 */
export function commandOfHelper(args: readonly string[]): readonly string[] | undefined {
  const operands: string[] = [];
  const flags: string[] = [];
  const rest = [...args];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === '-o') flags.push(...flagsOf(rest.shift() ?? ''));
    else if (word === '-t' || word === '-N') rest.shift();
    else if (/^-[sfnv]+$/.test(word)) {
      if (word.includes('f')) return undefined;
      if (word.includes('v')) flags.push('--verbose');
    } else operands.push(word);
  }
  if (operands.length !== 2) throw new UsageError(`${NAME} takes a source and a directory`);
  return ['mount', ...flags, ...operands];
}

function flagsOf(options: string): string[] {
  return options.split(',').flatMap((option) => {
    const [name = '', value = ''] = option.split(/=(.*)/s);
    if (name === '' || IGNORED.has(name) || name.startsWith('x-')) return [];
    const flag = Object.hasOwn(OURS, name) ? OURS[name] : undefined;
    if (flag === undefined) throw new UsageError(`there is no mount option ${JSON.stringify(name)}`);
    return flag(value);
  });
}
