/** A file of ssh2's that its package does not describe; see ssh2Internals.ts. */
declare module 'ssh2/lib/protocol/SFTP.js' {
  import type { CarriedSftp } from './ssh2Internals';

  /** What it uses of an SSH connection. */
  interface SftpCarrier {
    readonly _protocol: {
      /** The server's identification. */
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
  export const SFTP: new (
    carrier: SftpCarrier,
    channel: { readonly type: 'sftp'; readonly incoming: SftpChannelEnd; readonly outgoing: SftpChannelEnd },
    options: object,
  ) => CarriedSftp;
}
