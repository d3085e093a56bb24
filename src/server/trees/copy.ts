import { ErrnoError } from '../../protocol/errno';
import { S_IFDIR, S_IFMT } from '../../protocol/fuse';
import { COPY_OVERWRITE } from '../../protocol/livemount';
import type { Request } from '../../protocol/message';
import type { OutOf } from '../../protocol/opcodes';
import type { ClientState } from '../connection/handler';
import {
  type HostFs,
  type HostStat,
  type Locator,
  type OperationContext,
  sameIdentity,
} from '../host/hostFs';
import { childPath, isWithin } from '../host/hostPath';
import { entryOf } from '../ops/attributes';
import { checkedName } from '../ops/lookup';
import { OpenFlag } from '../ops/openFlags';
import { RENAME_EXCHANGE, RENAME_NOREPLACE } from '../../protocol/renameFlags';
import { assertFree } from '../host/assertFree';
import { isErrno, isUndecided, isUnsupported } from '../host/hostErrors';
import type { JournalEntry, SaveJournal } from '../save/journal';
import type { SaveOptions } from '../save/options';
import type { TreeTop } from '../save/record';
import { underTemporaryName } from '../host/temporaryName';
import { TimeSlice } from '../timeSlice';
import { copyTree, keepsIdentities } from './copyTree';
import { assertNoMount } from './removeTree';
import { Reporting } from './reporting';
import { removeTemporaryTree } from './temporaryTree';

export interface TreePlace {
  readonly host: HostFs;
  readonly options: SaveOptions;
  readonly journal: SaveJournal;
}

/** COPY: the tree is copied under a temporary name beside the destination, and appears whole or not at all. */
export async function copy(
  place: TreePlace,
  session: ClientState,
  request: Request<'COPY'>,
  context: OperationContext,
): Promise<OutOf<'COPY'>> {
  const parent = session.inodes.get(request.header.nodeid);
  const newParent = session.inodes.get(request.in.newdir);
  const name = checkedName(request.names[0]);
  const newName = checkedName(request.names[1]);
  const from = session.inodes.locate(parent);
  const to = session.inodes.locate(newParent);
  const overwrite = (request.in.flags & COPY_OVERWRITE) !== 0;
  const { host, options } = place;
  await assertMayAppear(host, from, name, to, newName, overwrite);
  const slice = new TimeSlice(context.signal);
  const reporting = new Reporting(session, request);

  const made = await underTemporaryName(newName, options.random, async (temporary) => {
    const copying = new CopyInProgress(place, to, temporary);
    await copying.begin();
    try {
      const copied = (done: number, known: number) => reporting.report(done, known);
      const began = (top: HostStat) => copying.began(top);
      const { uid } = options;
      const object = await copyTree(host, from, name, to, temporary, { slice, context, uid, copied, began });
      return { copying, temporary, object };
    } catch (error) {
      // Where the name was taken it is somebody else's.
      if (!isErrno(error, 'EEXIST')) await copying.remove();
      if (!isUndecided(error)) await copying.end();
      throw error;
    }
  });
  try {
    slice.check();
    await appear(host, to, made.temporary, newName, overwrite);
  } finally {
    await made.copying.remove();
    await made.copying.end();
  }

  const stat = await host.lookup(to, newName);
  if (keepsIdentities(host, stat) && !sameIdentity(stat, made.object)) {
    throw new ErrnoError('ESTALE', 'somebody else put another object in the place of the copy');
  }
  const inode = session.inodes.claim(newParent, newName, stat);
  session.dirty.add(inode.identity.sb, inode.nodeid, true);
  session.dirty.add(newParent.identity.sb, newParent.nodeid);
  return entryOf(session, newParent, inode, stat);
}

/**
 * EEXIST where something stands that is not to be overwritten, EINVAL for a copy into itself: said before the work. What
 * may be overwritten is as with rename(2): a file replaces a file, a folder an empty folder.
 */
async function assertMayAppear(
  host: HostFs,
  from: Locator,
  name: Buffer,
  to: Locator,
  newName: Buffer,
  overwrite: boolean,
): Promise<void> {
  const source = childPath(from.path, name);
  if (isWithin(to.path, source)) throw new ErrnoError('EINVAL', 'a folder can not be copied into itself');
  let present: HostStat;
  try {
    present = await host.lookup(to, newName);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return;
    throw error;
  }
  const target = childPath(to.path, newName);
  if (!overwrite) throw new ErrnoError('EEXIST', 'the destination is there');
  if (isWithin(source, target)) throw new ErrnoError('EINVAL', 'the destination holds what is to be copied');
  if (present.mountRoot) throw new ErrnoError('EBUSY', 'the destination is a mount');
  assertReplaces(isFolder(await host.lookup(from, name)), isFolder(present));
  if (!isFolder(present)) return;
  assertNoMount(host, target);
  if (!(await isEmpty(host, { path: target, expect: present })))
    throw new ErrnoError('ENOTEMPTY', 'the destination is a folder that is not empty');
}

function assertReplaces(folder: boolean, standsFolder: boolean): void {
  if (folder && !standsFolder) throw new ErrnoError('ENOTDIR', 'a folder does not replace a file');
  if (!folder && standsFolder) throw new ErrnoError('EISDIR', 'a file does not replace a folder');
}

function isFolder({ mode }: HostStat): boolean {
  return (mode & S_IFMT) === S_IFDIR;
}

async function isEmpty(host: HostFs, folder: Locator): Promise<boolean> {
  const open = await host.open(folder, OpenFlag.RDONLY | OpenFlag.DIRECTORY | OpenFlag.NOFOLLOW);
  try {
    return (await open.list()).length === 0;
  } finally {
    await open.close();
  }
}

/** One rename; with `overwrite` what stood there has the temporary name then. */
async function appear(
  host: HostFs,
  to: Locator,
  temporary: Buffer,
  newName: Buffer,
  overwrite: boolean,
): Promise<void> {
  if (overwrite) {
    try {
      await host.rename(to, temporary, to, newName, RENAME_EXCHANGE);
      return await takeDisplaced(host, to, temporary, newName);
    } catch (error) {
      // Without the flag a file can be renamed over, and a directory over an empty one.
      if (isUnsupported(error)) return host.rename(to, temporary, to, newName, 0);
      if (!isErrno(error, 'ENOENT')) throw error;
    }
  }
  try {
    await host.rename(to, temporary, to, newName, RENAME_NOREPLACE);
  } catch (error) {
    if (!isUnsupported(error)) throw error;
    await assertFree(host, to, newName);
    await host.rename(to, temporary, to, newName, 0);
  }
}

/**
 * Looks at what the copy took the place of, and gives it back if it is no such thing as may be replaced: somebody may
 * have put it there, or filled it, while the copy was made.
 */
async function takeDisplaced(host: HostFs, to: Locator, temporary: Buffer, newName: Buffer): Promise<void> {
  const displaced = await host.lookup(to, temporary);
  try {
    assertReplaces(isFolder(await host.lookup(to, newName)), isFolder(displaced));
    if (isFolder(displaced)) await host.rmdir(to, temporary);
  } catch (error) {
    await host.rename(to, temporary, to, newName, RENAME_EXCHANGE);
    throw error;
  }
}

/** What is under a temporary name in a directory while a copy is made, and the note of it for the next agent. */
class CopyInProgress {
  private top: TreeTop | undefined;
  private noted: JournalEntry | undefined;

  constructor(
    private readonly place: TreePlace,
    private readonly directory: Locator,
    private readonly temporary: Buffer,
  ) {}

  begin(): Promise<void> {
    return this.note(undefined);
  }

  /** The folder is made, and known by its inode from here on. */
  async began({ ino, generation }: HostStat): Promise<void> {
    this.top = { ino, generation };
    await this.note(this.top);
  }

  async remove(): Promise<void> {
    const { host, options } = this.place;
    if (await removeTemporaryTree(host, this.directory, this.temporary, this.top)) return;
    options.log(`${childPath(this.directory.path, this.temporary)} is not what was made there, and stays`);
  }

  async end(): Promise<void> {
    await this.noted?.end();
  }

  private async note(top: TreeTop | undefined): Promise<void> {
    const { directory, temporary } = this;
    const noted = await this.place.journal.begin({
      kind: 'tree',
      directory: directory.path,
      temporary,
      top,
    });
    await this.noted?.end();
    this.noted = noted;
  }
}
