import type { Handlers } from '../connection/handler';
import { createHandlers } from './create';
import { directoryHandlers } from './directory';
import { fileHandlers } from './file';
import { lockHandlers } from './locks';
import { lookupHandlers } from './lookup';
import { nameHandlers } from './names';
import { rereadHandlers } from './reread';
import { setattrHandlers } from './setattr';
import { xattrHandlers } from './xattr';

/** The operations of the kernel's protocol. What is not here (IOCTL, BMAP, POLL) is ENOSYS: the client does without. */
export const fuseHandlers: Handlers = {
  ...lookupHandlers,
  ...setattrHandlers,
  ...createHandlers,
  ...nameHandlers,
  ...fileHandlers,
  ...directoryHandlers,
  ...xattrHandlers,
  ...rereadHandlers,
  ...lockHandlers,
};
