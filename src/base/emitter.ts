import type { Disposable } from './dispose';

/** Takes what a listener threw, for the log. */
export type ListenerErrors = (error: unknown) => void;

/**
 * Delivers values to listeners in the order in which these were added. A listener that throws is reported to `failed` and
 * harms nobody else: not the other listeners, and not whoever fires. A listener that is removed while a value is being
 * delivered is not called any more; one that is added then gets the next value first.
 *
 * The owner of the emitter disposes it; later subscriptions are never called.
 */
export class Emitter<T> implements Disposable {
  private listeners: Map<object, (value: T) => void> | undefined = new Map();

  constructor(private readonly failed: ListenerErrors) {}

  get hasListeners(): boolean {
    return this.listeners !== undefined && this.listeners.size > 0;
  }

  /** Calls `listener` with every value from now on, until the result is disposed. */
  readonly on = (listener: (value: T) => void): Disposable => {
    const key = {};
    this.listeners?.set(key, listener);
    return { dispose: () => this.listeners?.delete(key) };
  };

  fire(value: T): void {
    for (const [key, listener] of [...(this.listeners ?? [])]) {
      if (!this.listeners?.has(key)) continue;
      try {
        listener(value);
      } catch (error) {
        this.failed(error);
      }
    }
  }

  dispose(): void {
    this.listeners = undefined;
  }
}
