import { ErrnoError } from '../../protocol/errno';
import type { HostFile, HostFs, HostStat, Locator, OperationContext } from '../host/hostFs';
import { OpenFlag } from '../ops/openFlags';
import { isAppendOnly } from './appendOnly';
import { isErrno, isUndecided, isUnsupported } from '../host/hostErrors';
import type { SaveJournal } from './journal';
import type { SaveOptions } from './options';
import { StagedFile } from './stagedFile';
import { underTemporaryName } from '../host/temporaryName';

const PRIVATE_MODE = 0o600;
const NO_NAME = Buffer.alloc(0);

export interface StagingPlace {
  readonly host: HostFs;
  readonly options: SaveOptions;
  readonly journal: SaveJournal;
}

/**
 * Makes the file a save is written to: unnamed in the target's directory; under a temporary name where the filesystem
 * has no O_TMPFILE; in the agent's own folder where the directory takes no new file, for then only a file that is
 * there already can be written, in place. Nobody else can read it before it has the rights of the target.
 */
export async function stage(
  place: StagingPlace,
  directory: Locator,
  context: OperationContext,
): Promise<{ file: StagedFile; stat: HostStat }> {
  const { host, options } = place;
  try {
    const made = await host.openUnnamed(directory, OpenFlag.RDWR, PRIVATE_MODE, context);
    return { file: new StagedFile(host, made.file, { kind: 'unnamed' }), stat: made.stat };
  } catch (error) {
    if (refusesNewFiles(error)) return stageElsewhere(place, error);
    // EISDIR is how a kernel, or a filesystem, that does not know O_TMPFILE answers it (open(2)).
    if (!isUnsupported(error) && !isErrno(error, 'EISDIR')) throw error;
  }
  try {
    if (await isAppendOnly(host, directory))
      throw new ErrnoError('EPERM', 'names in the directory stay for ever');
    return await stageNamed(place, directory, context);
  } catch (error) {
    if (refusesNewFiles(error) && options.stateFolder !== undefined) return stageElsewhere(place, error);
    throw error;
  }
}

/** No permission, or a filesystem (of the kernel's own, say) where files can be written but not made. */
function refusesNewFiles(error: unknown): error is Parameters<typeof stageElsewhere>[1] {
  return isErrno(error, 'EACCES', 'EPERM');
}

/** Under a temporary name in a directory; it goes when the file is closed, or with the next agent. */
export async function stageNamed(
  { host, options, journal }: StagingPlace,
  directory: Locator,
  context: OperationContext,
): Promise<{ file: StagedFile; stat: HostStat }> {
  return underTemporaryName(NO_NAME, options.random, async (temporary) => {
    const noted = await journal.begin({
      kind: 'temporary',
      directory: directory.path,
      temporary,
    });
    let made: { file: HostFile; stat: HostStat };
    try {
      const flags = OpenFlag.RDWR | OpenFlag.EXCL;
      made = await host.create(directory, temporary, flags, PRIVATE_MODE, 0, context);
    } catch (error) {
      if (!isUndecided(error)) await noted.end();
      throw error;
    }
    const staging = { kind: 'named', directory, temporary, noted } as const;
    return { file: new StagedFile(host, made.file, staging), stat: made.stat };
  });
}

async function stageElsewhere(
  place: StagingPlace,
  why: Extract<StagedFile['staging'], { kind: 'elsewhere' }>['why'],
): Promise<{ file: StagedFile; stat: HostStat }> {
  const folder = place.options.stateFolder;
  if (folder === undefined) throw why;
  let inner: { file: StagedFile | HostFile; stat: HostStat };
  try {
    inner = await place.host.openUnnamed({ path: folder }, OpenFlag.RDWR, PRIVATE_MODE);
  } catch (error) {
    if (!isUnsupported(error) && !isErrno(error, 'EISDIR')) throw error;
    // Wrapped twice: the inner one owns the temporary name.
    inner = await stageNamed(place, { path: folder }, {});
  }
  return { file: new StagedFile(place.host, inner.file, { kind: 'elsewhere', why }), stat: inner.stat };
}
