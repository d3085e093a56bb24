import { homedir, hostname, userInfo } from 'node:os';

/** What the SSH configuration may ask about the machine we run on. */
export interface LocalMachine {
  readonly user: string;
  readonly uid: number;
  readonly home: string;
  readonly hostName: string;
  readonly env: NodeJS.ProcessEnv;
}

/** This machine, as it is now. */
export function localMachine(): LocalMachine {
  const { username, uid } = userInfo();
  return { user: username, uid, home: homedir(), hostName: hostname(), env: process.env };
}
