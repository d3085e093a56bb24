import { Errno, ErrnoError } from '../../protocol/errno';
import type { Backends, Choice, Seen, Lister } from '../../server/watch/arming/backend';
import { type BytePath, nameOf, parentOf, toBytes, type AbsolutePath } from '../../server/watch/bytePath';
import { foldIno } from '../../server/watch/shadow/entries';
import { stampOf } from '../../server/watch/shadow/stamps';
import { hostStatOf, sftpText } from './attributes';
import { direntType } from './sftpDirectory';
import type { SftpHostFs } from './sftpHostFs';

const CHOICE: Choice = {
  backend: 'poll',
  reason: 'SFTP tells of no changes: directories that are watched are listed again and again',
  foreignWrites: false,
};

/** Watching over SFTP: there is nothing but to look. */
export class SftpPolling implements Backends {
  readonly limitAdvice = '';
  private readonly view: Lister;

  constructor(host: SftpHostFs) {
    this.view = new SftpLister(host);
  }

  prospect(): Choice {
    return CHOICE;
  }

  open(): { choice: Choice; session: undefined } {
    return { choice: CHOICE, session: undefined };
  }

  lister(): Lister {
    return this.view;
  }

  dispose(): void {}
}

/** Looks at the host in whole listings, so that a round over a directory is one request and not one for each entry. */
class SftpLister implements Lister {
  constructor(private readonly host: SftpHostFs) {}

  async stat(path: AbsolutePath): Promise<Seen | undefined> {
    const { host } = this;
    try {
      const text = sftpText(toBytes(path));
      if (text === '/') return seen(await host.stat({ path: Buffer.from(text) }));
      const directory = sftpText(toBytes(parentOf(path))) || '/';
      const attributes = await host.listings.entry(directory, sftpText(toBytes(nameOf(path))));
      return attributes === undefined ? undefined : seen(hostStatOf(attributes, host.identity.ino(text)));
    } catch (error) {
      if (isAbsence(error)) return undefined;
      throw error;
    }
  }

  async list(
    path: AbsolutePath,
    each: (name: BytePath, ino: number, type: number) => void,
  ): Promise<boolean> {
    const { listings, identity } = this.host;
    try {
      const directory = sftpText(toBytes(path));
      const ino = identity.ino(directory);
      for (const [name, attributes] of await listings.list(directory)) {
        const bytes = Buffer.from(name).toString('latin1') as BytePath;
        each(bytes, folded(identity.entry(ino, name)), direntType(attributes.mode));
      }
      return true;
    } catch (error) {
      if (isAbsence(error)) return false;
      throw error;
    }
  }
}

function seen({ ino, mode, size, mtimeNs, ctimeNs }: ReturnType<typeof hostStatOf>): Seen {
  const version = { ino, size, mtime_ns: mtimeNs, ctime_ns: ctimeNs };
  return { ino: folded(ino), mode, version, stamp: stampOf(version) };
}

function folded(ino: bigint): number {
  return foldIno(Number(ino & 0xffffffffn), Number(ino >> 32n));
}

function isAbsence(error: unknown): boolean {
  return error instanceof ErrnoError && [Errno.ENOENT, Errno.ENOTDIR].some((errno) => errno === error.errno);
}
