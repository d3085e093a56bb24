import type { Request } from '../../protocol/message';
import type { OpName, OutOf } from '../../protocol/opcodes';
import type { Call } from '../call';
import type { Mount } from '../mount';

/**
 * Carries out one request of the kernel's; the value is the reply's body. What is known is returned at once. ErrnoError
 * is the answer's error.
 */
export type MountHandler<K extends OpName> = (
  mount: Mount,
  request: Request<K>,
  call: Call,
) => OutOf<K> | Promise<OutOf<K>>;

export type MountHandlers = { readonly [K in OpName]?: MountHandler<K> };
