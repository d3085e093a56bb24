export function liveSample(
  log?: (line: string) => void,
): Promise<{ readonly folder: string; stop(): Promise<void> }>;
