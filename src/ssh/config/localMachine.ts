import { homedir, hostname, userInfo } from 'node:os';

/** What the SSH configuration may ask about the machine we run on. */
export interface LocalMachine {
  readonly user: string;
  readonly uid: number;
  readonly home: string;
  readonly hostName: string;
  readonly env: NodeJS.ProcessEnv;
  /** How its paths, shells and agents are; default: as those of this machine. */
  readonly platform?: NodeJS.Platform;
}

/** Whether paths are those of Windows, programs are run by cmd.exe, and sockets are named pipes. */
export function isWindows({ platform = process.platform }: Pick<LocalMachine, 'platform'>): boolean {
  return platform === 'win32';
}

/** This machine, as it is now. */
export function localMachine(): LocalMachine {
  const { username, uid } = userInfo();
  return { user: username, uid, home: homedir(), hostName: hostname(), env: process.env };
}
