import { chownSync, linkSync } from 'node:fs';
import { REPLACE_FSYNC } from '../../src/protocol/livemount';
import type { Locator } from '../../src/server/host/hostFs';
import type { Lack } from '../fixtures/faultHostFs';
import type { SaveRequest } from './saveClient';

/** A way a save can take: what the filesystem lacks, and how the file is. */
export interface Way {
  readonly lack?: Lack;
  readonly prepare?: (file: string) => void;
  /** There is no file yet. */
  readonly isNew?: boolean;
  readonly how?: SaveRequest;
}

const noUnnamed: Lack = (call) => (call === 'openUnnamed' ? 'EOPNOTSUPP' : undefined);
const noRenameFlags: Lack = (call, args) =>
  call === 'rename' && (args[4] as number) !== 0 ? 'EINVAL' : undefined;
const noLinks: Lack = (call) => (call === 'link' || call === 'linkInto' ? 'EPERM' : undefined);
const noOwners: Lack = (call) => (call === 'chown' ? 'EPERM' : undefined);
const notInTarget: Lack = (call, args) => {
  const makes = call === 'openUnnamed' || call === 'create';
  return makes && (args[0] as Locator).path.toString().endsWith('/w') ? 'EACCES' : undefined;
};
const any =
  (...lacks: Lack[]): Lack =>
  (call, args) =>
    lacks.map((lack) => lack(call, args)).find((lacking) => lacking !== undefined);

export const ways: Readonly<Record<string, Way>> = {
  'over a file': {},
  'over a file, durably': { how: { flags: REPLACE_FSYNC } },
  'over a file, without unnamed files': { lack: noUnnamed },
  'over a file, where unnamed files can not be named': { lack: noLinks },
  'over a file, where names can not be exchanged': { lack: noRenameFlags },
  'over a file, with neither': { lack: any(noUnnamed, noRenameFlags), how: { flags: REPLACE_FSYNC } },
  'a new file': { isNew: true },
  'a new file, durably': { isNew: true, how: { flags: REPLACE_FSYNC, absent: true } },
  'a new file, without unnamed files': { isNew: true, lack: noUnnamed },
  'a new file, without unnamed files and rename flags': { isNew: true, lack: any(noUnnamed, noRenameFlags) },
  'a new file, with nothing but rename': { isNew: true, lack: any(noUnnamed, noRenameFlags, noLinks) },
  'in place, for a second link': { prepare: (file) => linkSync(file, `${file}-too`) },
  'in place, for its owner': { lack: noOwners, prepare: (file) => chownSync(file, 1234, 1234) },
  'in place, in a folder that takes no file': { lack: notInTarget },
};
