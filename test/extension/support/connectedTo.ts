import type { Vfs } from '../../../src/client/vfs';
import type { Connected } from '../../../src/extension/hosts/hostSession';

/** A connected host whose tree this is. */
export function connectedTo(vfs: Vfs, more: Partial<Connected> = {}): Connected {
  return {
    vfs,
    rung: 'agent',
    reason: '',
    home: async () => '/',
    asRoot: async () => vfs,
    openTcp: () => Promise.reject(new Error('no network in this test')),
    ...more,
  };
}
