import type { Duplex } from 'node:stream';
import { messageOf } from '../../base/errors';
import type { SshTransport } from '../transport/transport';
import { compareDaemons, type DaemonIdentity, readKnownGreeting } from './daemonIdentity';

/**
 * The way straight to the socket of the daemon that is known: no program is started, and one round trip is all. It is
 * given up for good when the daemon was there all the time and could not be reached so: the server forbids it.
 */
export class DirectChannel {
  private isForbidden = false;

  /** @param daemon the one an earlier connection has met, if any. */
  constructor(public daemon: DaemonIdentity | undefined) {}

  get isPossible(): boolean {
    return this.daemon !== undefined && !this.isForbidden;
  }

  /** A channel to the daemon that is known. Fails where something else answers, or nothing. */
  async open(transport: SshTransport): Promise<Duplex> {
    const { daemon } = this;
    if (daemon === undefined) throw new Error('no daemon is known');
    const channel = await transport.openStreamLocal(daemon.socketPath);
    try {
      await readKnownGreeting(channel, daemon);
      // A daemon that is gone has ended its side alone, as far as the SSH server knows.
      channel.once('end', () => channel.end());
      return channel;
    } catch (error) {
      channel.destroy();
      throw error;
    }
  }

  /** The same, where another way stands already: nothing, and no further attempt, where the server forbids this one. */
  async tryOpen(transport: SshTransport, log: (line: string) => void): Promise<Duplex | undefined> {
    if (!this.isPossible) return undefined;
    try {
      return await this.open(transport);
    } catch (error) {
      this.isForbidden = true;
      log(`no direct channel to the agent: ${messageOf(error)}`);
      return undefined;
    }
  }

  /**
   * Another way has led to this daemon, or to none (the rung `sftp`). Gives what was started anew since the one that was
   * known; nothing where none was, or where it is the same.
   */
  foundOtherwise(now: DaemonIdentity | undefined): 'the agent' | 'the host' | undefined {
    const before = this.daemon;
    this.daemon = now;
    if (before === undefined || now === undefined) return undefined;
    const change = compareDaemons(before, now);
    if (change === 'same') this.isForbidden = true;
    return change === 'same' ? undefined : change === 'rebooted' ? 'the host' : 'the agent';
  }
}
