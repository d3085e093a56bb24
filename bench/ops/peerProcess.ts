// A process of its own for each peer, so that time, processor and memory are nobody else's.
import { ChannelPeer } from './channelPeer';
import { LivemountPeer } from './livemountPeer';
import { MountedPeer } from './mountedPeer';
import type { Peer, PeerName, PeerOptions } from './peer';
import { SftpPeer } from './sftpPeer';
import { SshfsExtensionPeer } from './sshfsExtensionPeer';
import { type Site, WORK, type WorkName } from './work';

export interface PeerSetup {
  readonly name: PeerName;
  readonly options: PeerOptions;
  readonly dist: string;
}

export type Command =
  | { readonly kind: 'fresh' }
  | { readonly kind: 'work'; readonly work: WorkName; readonly site: Site }
  | { readonly kind: 'processes' }
  | { readonly kind: 'end' };

export type Answer =
  | { readonly kind: 'done'; readonly ms: number }
  | { readonly kind: 'processes'; readonly onClient: readonly number[]; readonly onHost: readonly number[] }
  | { readonly kind: 'failed'; readonly message: string };

function makePeer({ name, options, dist }: PeerSetup): Peer {
  switch (name) {
    case 'livemount':
      return new LivemountPeer(options, dist);
    case 'sshfsExtension':
      return new SshfsExtensionPeer(options);
    case 'sftp':
      return new SftpPeer(options);
    case 'sshfs':
      return new MountedPeer(options);
    case 'channel':
      return new ChannelPeer(options);
    case 'openssh':
      throw new Error('OpenSSH has programs of its own');
  }
}

async function perform(peer: Peer, command: Command): Promise<Answer> {
  const start = performance.now();
  switch (command.kind) {
    case 'fresh':
      await peer.fresh();
      break;
    case 'work':
      await WORK[command.work].run(peer, command.site);
      break;
    case 'processes':
      return { kind: 'processes', onClient: peer.clientProcesses(), onHost: peer.hostProcesses() };
    case 'end':
      await peer.dispose();
      break;
  }
  return { kind: 'done', ms: performance.now() - start };
}

const peer = makePeer(JSON.parse(process.argv[2] ?? '{}') as PeerSetup);
process.on('message', (command: Command) => {
  perform(peer, command)
    .catch(
      (error: unknown): Answer => ({
        kind: 'failed',
        message: error instanceof Error ? (error.stack ?? error.message) : String(error),
      }),
    )
    .then((answer) => {
      process.send?.(answer);
      if (command.kind === 'end') process.disconnect();
    });
});
// Whoever measures is gone: so are we, whatever is open.
process.on('disconnect', () => process.exit());
