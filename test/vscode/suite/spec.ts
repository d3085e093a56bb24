// What the outer process tells the suite. "Remote" and local paths are the same: the host is this machine.
import { readFileSync } from 'node:fs';

export interface Spec {
  /** The host as livemount names it. */
  readonly host: string;
  /** The folder that is open, as the host has it. */
  readonly folder: string;
  /** Where the report goes. */
  readonly report: string;
  /** Mount points below the folder, by kind of filesystem. */
  readonly mounts: Readonly<Record<string, string>>;
}

/** Names the spec's file in the extension host's environment. */
export const SPEC_VARIABLE = 'LIVEMOUNT_TEST_SPEC';

export function readSpec(): Spec {
  const file = process.env[SPEC_VARIABLE];
  if (file === undefined) throw new Error(`${SPEC_VARIABLE} is not set`);
  return JSON.parse(readFileSync(file, 'utf8')) as Spec;
}
