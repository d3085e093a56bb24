/** ssh2's SFTP client, which its package exports only behind an SSH connection of its own. */
declare module 'ssh2/lib/protocol/SFTP.js' {
  import type { SFTPWrapper } from 'ssh2';

  /** What it uses of an SSH connection. */
  interface SftpCarrier {
    readonly _protocol: {
      /** The server's identification, by which it knows OpenSSH's larger packets. */
      readonly _remoteIdentRaw: Buffer;
      channelData(id: number, data: Buffer): void;
      channelClose(id: number): void;
    };
  }
  interface SftpChannelEnd {
    id: number;
    window: number;
    packetSize: number;
    state: string;
  }
  export interface CarriedSftp extends SFTPWrapper {
    /** Takes what the server sent; null at the end. */
    push(data: Buffer | null): void;
    /** Sends the first packet. */
    _init(): void;
  }
  export const SFTP: new (
    carrier: SftpCarrier,
    channel: { readonly type: 'sftp'; readonly incoming: SftpChannelEnd; readonly outgoing: SftpChannelEnd },
    options: object,
  ) => CarriedSftp;
}
