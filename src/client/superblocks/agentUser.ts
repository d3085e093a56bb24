import { ErrnoError } from '../../protocol/errno';
import type { Attr } from '../../protocol/fuse';
import type { RemotePath } from '../../protocol/paths';
import type { Lookup } from '../tree/lookup';

/** A process's own folder of proc(5) belongs to the user it runs as. */
const SELF = '/proc/self' as RemotePath;
const OWNER_WRITE = 0o200;
const ANY_WRITE = 0o222;
const OTHER_WRITE = 0o022;

/** Who the agent is on the host: what it may write, as far as modes tell. */
export class AgentUser {
  private uid: number | undefined;

  constructor(private readonly paths: Pick<Lookup, 'find'>) {}

  /** Asks the host. Where it has no /proc, nobody knows. */
  async find(): Promise<void> {
    try {
      this.uid = (await this.paths.find(SELF, true)).attr.uid;
    } catch (error) {
      if (!(error instanceof ErrnoError)) throw error;
      this.uid = undefined;
    }
  }

  /** By its mode, the agent's user may not write an object. Membership in its group is not known: then it may. */
  mayNotWrite(attr: Attr): boolean {
    if (this.uid === undefined) return (attr.mode & ANY_WRITE) === 0;
    if (this.uid === 0) return false;
    if (this.uid === attr.uid) return (attr.mode & OWNER_WRITE) === 0;
    return (attr.mode & OTHER_WRITE) === 0;
  }
}
