import type { Random } from '../host/temporaryName';

/** What saves need to know of the process they run in. */
export interface SaveOptions {
  /**
   * A folder that only this user can enter and that lives as long as the boot: what a crash of the agent leaves under
   * a temporary name is noted there, so that the next agent tidies up. Undefined: nothing is noted.
   */
  readonly runFolder: Buffer | undefined;
  /**
   * A folder that only this user can enter and that outlives the boot ($XDG_STATE_HOME): backups of files that are
   * written in place, where none can be made beside them. Undefined: such a file is not written.
   */
  readonly stateFolder: Buffer | undefined;
  /**
   * The user this process works as: notes of anybody else are not believed, and a folder of anybody else that has the
   * name of one just made is not filled. Undefined where that is not known (SFTP).
   */
  readonly uid: number | undefined;
  /** Names this process among all that ever use the folders, and is a file name. */
  readonly owner: string;
  /** Whether the process of that name may still be at work; true where that can't be known (another host's). */
  readonly isAlive: (owner: string) => boolean;
  /** What a new file's 0666 loses. */
  readonly umask: number;
  readonly random: Random;
  /** Now, in ns since the epoch. */
  readonly now: () => bigint;
  readonly log: (message: string) => void;
}
