/** A way to work on the host's files, as an editor would use it. Paths are absolute on the host. */
export interface Peer {
  /** Drops the connection and everything that is known, and connects anew. */
  fresh(): Promise<void>;
  /** What the editor asks when it opens a folder: whatever the peer does to hear of changes. Not waited for. */
  watch(path: string, recursive: boolean): void;
  /** Attributes; false for a path that leads nowhere. */
  stat(path: string): Promise<boolean>;
  /** Names with their types; the number of them. */
  list(path: string): Promise<number>;
  /** Content; undefined for a path that leads nowhere. */
  read(path: string): Promise<Uint8Array | undefined>;
  /** Creates or replaces. */
  write(path: string, content: Uint8Array): Promise<void>;
  /** Processes on this side besides the one that measures. */
  clientProcesses(): readonly number[];
  /** Processes on the host besides those that belong to the SSH connection. */
  hostProcesses(): readonly number[];
  dispose(): Promise<void>;
}

/** How a peer reaches the host. */
export interface PeerOptions {
  readonly configFile: string;
  /** Alias in that configuration; leads through the peer's own proxy. */
  readonly alias: string;
  readonly port: number;
  readonly user: string;
  readonly identityFile: string;
  /** A private folder for mount points and sockets. */
  readonly scratch: string;
}

export const PEERS = {
  livemount: { title: 'Livemount', colour: '#2f7de1' },
  sshfsExtension: { title: 'SFTP as SSH FS', colour: '#d9822b' },
  sftp: { title: 'SFTP at its best', colour: '#8d6bc9' },
  sshfs: { title: 'sshfs', colour: '#7a8a99' },
  openssh: { title: 'OpenSSH', colour: '#3f9c5a' },
  channel: { title: 'one raw channel', colour: '#b0b0b0' },
} as const satisfies Record<string, { title: string; colour: string }>;

export type PeerName = keyof typeof PEERS;
