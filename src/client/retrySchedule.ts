/** Seconds before each attempt to reach the host again; the last one is repeated for ever. */
export const RETRY_SECONDS = [0, 1, 2, 5, 10, 30] as const;

/** How long to wait before attempt number `attempt` (0 is the first after a drop). */
export function retryDelayMs(attempt: number): number {
  const at = Math.min(attempt, RETRY_SECONDS.length - 1);
  return (RETRY_SECONDS[at] as number) * 1000;
}
