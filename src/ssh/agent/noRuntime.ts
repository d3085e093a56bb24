import { ConnectError } from '../connectError';

/** A host as uname(1) describes it, where no program of ours runs yet. */
export interface HostDescription {
  /** `uname -s`: Linux, Darwin, FreeBSD. */
  readonly os: string;
  /** `uname -m`: x86_64, aarch64, armv7l. */
  readonly arch: string;
  readonly libc: string;
  /** Node programs that were found but are too old, each as `path=version`. */
  readonly old: readonly string[];
}

/** The host has no Node that can run the agent. */
export class NoRuntimeError extends ConnectError {
  constructor(readonly host: HostDescription) {
    const found =
      host.old.length === 0
        ? 'no Node.js was found on the host'
        : `the host's Node.js is too old (${host.old.join(', ')})`;
    super('no-runtime', `${found}; version 18 or newer is needed`);
    this.name = 'NoRuntimeError';
  }
}

/** Reads `os=.. arch=.. libc=.. old=path=version ...`, the rest of a `no-runtime` line. */
export function parseHostDescription(rest: string): HostDescription {
  const [words = '', old = ''] = rest.split(/(?:^| )old=/);
  const fields = new Map(words.split(' ').map((word) => word.split('=', 2) as [string, string]));
  return {
    os: fields.get('os') ?? 'unknown',
    arch: fields.get('arch') ?? 'unknown',
    libc: fields.get('libc') ?? 'unknown',
    old: old.split(' ').filter((entry) => entry !== ''),
  };
}
