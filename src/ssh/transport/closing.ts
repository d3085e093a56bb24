import { type Disposable, onDispose } from '../../base/dispose';
import { Emitter, type ListenerErrors } from '../../base/emitter';
import { ConnectError } from '../connectError';

/** The end of a connection. It comes once; a listener that is added afterwards is called as well. */
export class Closing {
  private readonly emitter: Emitter<Error | undefined>;
  private closed: { readonly reason: Error | undefined } | undefined;

  /** @param failed takes what a listener threw. */
  constructor(private readonly failed: ListenerErrors) {
    this.emitter = new Emitter(failed);
  }

  get isClosed(): boolean {
    return this.closed !== undefined;
  }

  /** Why the connection cannot be used after its end. */
  get error(): Error {
    return this.closed?.reason ?? new ConnectError('dropped', 'the connection is closed');
  }

  onClose(listener: (reason?: Error) => void): Disposable {
    if (this.closed === undefined) return this.emitter.on(listener);
    const { reason } = this.closed;
    let isWanted = true;
    queueMicrotask(() => {
      try {
        if (isWanted) listener(reason);
      } catch (error) {
        this.failed(error);
      }
    });
    return onDispose(() => {
      isWanted = false;
    });
  }

  /** Calls the listeners. False if the connection was closed before. */
  close(reason: Error | undefined): boolean {
    if (this.closed !== undefined) return false;
    this.closed = { reason };
    this.emitter.fire(reason);
    this.emitter.dispose();
    return true;
  }
}
