/** Something that holds a resource until it is disposed. Disposing twice is allowed and does nothing the second time. */
export interface Disposable {
  dispose(): void;
}

/**
 * Owns disposables and releases them together, last in first out.
 * A child added after disposal is disposed at once, so that a late arrival never leaks.
 */
export class DisposableStore implements Disposable {
  private owned: Disposable[] | undefined = [];

  get isDisposed(): boolean {
    return this.owned === undefined;
  }

  add<T extends Disposable>(child: T): T {
    if (this.owned === undefined) child.dispose();
    else this.owned.push(child);
    return child;
  }

  dispose(): void {
    const owned = this.owned;
    this.owned = undefined;
    for (let i = (owned?.length ?? 0) - 1; i >= 0; i--) owned?.[i]?.dispose();
  }
}

/** Wraps a release function as a Disposable that runs at most once. */
export function onDispose(release: () => void): Disposable {
  let pending: (() => void) | undefined = release;
  return {
    dispose() {
      const run = pending;
      pending = undefined;
      run?.();
    },
  };
}
