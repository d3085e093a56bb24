import { Errno, ErrnoError } from '../../protocol/errno';
import { Slots } from '../session/slots';

/**
 * Requests in flight to one superblock at most: a mount that hangs holds these, and nothing else waits for them. An
 * editor that opens a folder asks some thirty things at once, which should leave together.
 */
const IN_FLIGHT_MAX = 48;

/** What is asked of a superblock while it lets requests in. */
interface Admitting {
  readonly mountpoint: string;
  readonly notResponding: boolean;
}

/** Lets a bounded number of requests to one superblock in at a time, and none while it does not respond. */
export class Admission {
  private readonly slots = new Slots(IN_FLIGHT_MAX);
  /** It let a request run into its deadline. */
  isHung = false;

  constructor(
    private readonly superblock: Admitting,
    private readonly suspected: () => void,
  ) {}

  get inFlight(): number {
    return this.slots.inUse + this.slots.queued;
  }

  async run<T>(request: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    this.assertResponding();
    await this.slots.enter(signal);
    try {
      // Those before it may have found out meanwhile.
      this.assertResponding();
      return await request();
    } catch (error) {
      if (error instanceof ErrnoError && error.errno === Errno.ETIMEDOUT) this.suspect();
      throw error;
    } finally {
      this.slots.leave();
    }
  }

  dismiss(): void {
    this.slots.dismiss(new ErrnoError('ESTALE', 'the agent was restarted'));
  }

  private assertResponding(): void {
    const { notResponding, mountpoint } = this.superblock;
    if (notResponding) throw new ErrnoError('ETIMEDOUT', `${mountpoint} is not responding`);
  }

  private suspect(): void {
    if (this.isHung) return;
    this.isHung = true;
    this.suspected();
  }
}
