import { accessSync, constants, existsSync } from 'node:fs';
import path from 'node:path';
import { t } from '../l10n';

/** What is asked about the machine that the extension runs on. */
export interface Machine {
  readonly platform: NodeJS.Platform;
  readonly isRoot: boolean;
  exists(file: string): boolean;
  /** May be read and written by this user. */
  isOpen(file: string): boolean;
  /** Is on the PATH. */
  hasProgram(name: string): boolean;
}

const DEVICE = '/dev/fuse';
const HELPER = 'fusermount3';

/** Why a host's folder can't be a local one on this machine, and what would help; undefined where it can. */
export function whatIsMissing(machine: Machine = thisMachine()): string | undefined {
  if (machine.platform !== 'linux') {
    return t(
      'Only on Linux can a folder of a host be opened as a local one. “Livemount: Open Folder…” works here too.',
    );
  }
  if (!machine.exists(DEVICE)) {
    return t(
      '{0} is missing on this machine, so no folder can be mounted: load the kernel module “fuse”, or pass the device into the container.',
      DEVICE,
    );
  }
  // Root mounts by itself.
  if (machine.isRoot) return undefined;
  if (!machine.isOpen(DEVICE)) {
    return t('Your user may not open {0}: it has to be readable and writable for all.', DEVICE);
  }
  if (!machine.hasProgram(HELPER)) {
    return t(
      'The program {0} is missing on this machine: install the package “fuse3”, with which users may mount.',
      HELPER,
    );
  }
  return undefined;
}

function thisMachine(): Machine {
  return {
    platform: process.platform,
    isRoot: process.geteuid?.() === 0,
    exists: existsSync,
    isOpen: (file) => isAllowed(file, constants.R_OK | constants.W_OK),
    hasProgram: (name) =>
      (process.env.PATH ?? '')
        .split(path.delimiter)
        .some((folder) => folder !== '' && isAllowed(path.join(folder, name), constants.X_OK)),
  };
}

function isAllowed(file: string, mode: number): boolean {
  try {
    accessSync(file, mode);
    return true;
  } catch {
    return false;
  }
}
