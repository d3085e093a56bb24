import { type Disposable, onDispose } from '../../base/dispose';
import { ConnectError } from '../connectError';

type Listener = (reason?: Error) => void;

/** The end of a connection. It comes once; who asks afterwards is told of it, too. */
export class Closing {
  private readonly listeners = new Set<Listener>();
  private closed: { readonly reason: Error | undefined } | undefined;

  get isClosed(): boolean {
    return this.closed !== undefined;
  }

  /** What to tell whoever wants to use the connection after its end. */
  get error(): Error {
    return this.closed?.reason ?? new ConnectError('dropped', 'the connection is closed');
  }

  onClose(listener: Listener): Disposable {
    if (this.closed !== undefined) {
      const { reason } = this.closed;
      queueMicrotask(() => listener(reason));
      return onDispose(() => {});
    }
    this.listeners.add(listener);
    return onDispose(() => this.listeners.delete(listener));
  }

  /** Tells the listeners. False if the connection was closed before. */
  close(reason: Error | undefined): boolean {
    if (this.closed !== undefined) return false;
    this.closed = { reason };
    for (const listener of [...this.listeners]) listener(reason);
    this.listeners.clear();
    return true;
  }
}
