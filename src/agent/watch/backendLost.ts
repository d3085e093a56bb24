import { ErrnoError } from '../../protocol/errno';

/** A backend that worked, and is of no use any more. */
export class BackendLost extends ErrnoError {
  /** `reason`: a part of a sentence for people. */
  constructor(
    errno: number,
    readonly reason: string,
  ) {
    super(errno, reason);
  }

  /** Nothing can be read of the kernel's queue. */
  static unreadable(errno: number): BackendLost {
    return new BackendLost(errno, "what the host's kernel tells of changes could not be read any more");
  }
}
