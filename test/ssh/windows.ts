import type { LocalMachine } from '../../src/ssh/config/localMachine';

/** A machine with Windows, whatever this one is. */
export const WINDOWS: LocalMachine = {
  user: 'me',
  uid: -1,
  home: 'C:\\Users\\first last',
  hostName: 'desk',
  env: { ProgramData: 'D:\\ProgramData' },
  platform: 'win32',
};
