import { execFile } from 'node:child_process';
import { BoundedMap } from '../../base/boundedMap';

/** A version of OpenSSH; what calls itself something else has version 0. */
export interface SshVersion {
  readonly major: number;
  readonly minor: number;
}

const TIMEOUT_MS = 10_000;

/** Programs stay what they are as long as this process runs; one that is missing may be installed yet. */
const known = new BoundedMap<string, SshVersion>(16);

/** The version of an `ssh` program; undefined if it cannot be run. */
export async function sshVersion(program: string): Promise<SshVersion | undefined> {
  const found = known.get(program) ?? (await ask(program));
  if (found !== undefined) known.set(program, found);
  return found;
}

function ask(program: string): Promise<SshVersion | undefined> {
  return new Promise((resolve) => {
    execFile(program, ['-V'], { timeout: TIMEOUT_MS }, (error, stdout, stderr) => {
      const isMissing = error !== null && typeof error.code === 'string';
      resolve(isMissing ? undefined : parseVersion(`${stdout}${stderr}`));
    });
  });
}

/** Reads what `ssh -V` prints: `OpenSSH_9.2p1 Debian-2, OpenSSL ...`, `OpenSSH_for_Windows_9.5p1, ...`. */
export function parseVersion(text: string): SshVersion {
  const [, major, minor] = /OpenSSH_(?:for_Windows_)?(\d+)\.(\d+)/.exec(text) ?? [];
  return { major: Number(major ?? 0), minor: Number(minor ?? 0) };
}

export function isAtLeast({ major, minor }: SshVersion, wanted: SshVersion): boolean {
  return major > wanted.major || (major === wanted.major && minor >= wanted.minor);
}
