/**
 * How a long-lived agent runs its engine. What a request or an event makes lives for a moment, so a young generation of
 * twice 4 MiB is enough; by default it grows to three times 16 MiB and stays there, half of what the agent needs.
 */
export const HEAP_FLAGS: readonly string[] = ['--max-semi-space-size=4'];
