import type { RemotePath } from '../../protocol/paths';
import { ErrnoError } from '../../protocol/errno';
import type { ClientCore } from '../state';
import type { Watch } from '../vfs';
import type { Group } from './group';

/**
 * Watches a path that may lead through links: at once where its text says, and where the links lead as soon as that
 * is known. A path that does not exist is watched by its text: the agent tells when it appears.
 */
export function watchRoot(core: ClientCore, asked: RemotePath, groupAt: (root: RemotePath) => Group): Watch {
  const cached = core.resolve(asked, true, performance.now());
  let root = cached.kind === 'found' ? cached.path : asked;
  let current = core.fsnotify.subscribe(groupAt(root));
  let disposed = false;

  const settle = async () => {
    await current.ready;
    const canonical = await canonicalOf(core, asked);
    if (disposed || canonical === root) return;
    root = canonical;
    const old = current;
    current = core.fsnotify.subscribe(groupAt(root));
    old.dispose();
    await current.ready;
  };
  const ready = settle();
  // Who does not wait for it has nobody to tell; who does gets the error.
  ready.catch(() => undefined);
  return {
    ready,
    dispose: () => {
      disposed = true;
      current.dispose();
    },
  };
}

async function canonicalOf(core: ClientCore, asked: RemotePath): Promise<RemotePath> {
  try {
    return (await core.lookup(asked, true)).path;
  } catch (error) {
    if (error instanceof ErrnoError) return asked;
    throw error;
  }
}
