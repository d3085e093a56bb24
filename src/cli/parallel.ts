/** Small transfers wait for round trips, so several go at once; large ones would fill the memory. */
const AT_ONCE = 16;
const BYTES_AT_ONCE = 64 << 20;

/**
 * Works on all items in their order, several at a time as long as they are small. What fails is told and the others go on,
 * until the signal ends it: then the failure is thrown. False if something failed.
 */
export async function inParallel<T>(
  items: readonly T[],
  options: {
    readonly sizeOf?: (item: T) => number;
    readonly signal: AbortSignal;
    readonly failed: (error: unknown) => void;
  },
  work: (item: T) => Promise<void>,
): Promise<boolean> {
  const { signal, failed, sizeOf = () => 0 } = options;
  const running = new Set<Promise<void>>();
  let bytes = 0;
  let done = true;
  let ended: unknown;
  for (const item of items) {
    const size = sizeOf(item);
    while (running.size >= AT_ONCE || (running.size > 0 && bytes + size > BYTES_AT_ONCE)) {
      await Promise.race(running);
    }
    if (signal.aborted) break;
    bytes += size;
    const one: Promise<void> = work(item)
      .catch((error: unknown) => {
        if (signal.aborted) ended ??= error;
        else failed(error);
        done = false;
      })
      .finally(() => {
        bytes -= size;
        running.delete(one);
      });
    running.add(one);
  }
  await Promise.all(running);
  if (signal.aborted) throw ended ?? signal.reason;
  return done;
}
