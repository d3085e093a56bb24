/** Whether a text matches one pattern of ssh_config(5), PATTERNS: `*` any characters, `?` exactly one. */
export function matchesPattern(text: string, pattern: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*/g, '.*')
    .replace(/\?/g, '.');
  return new RegExp(`^${source}$`, 's').test(text);
}

/** Whether a text matches a list of patterns: one matches, and none that is negated with `!` does. */
export function matchesPatternList(text: string, patterns: readonly string[]): boolean {
  const denied = patterns.some(
    (pattern) => pattern.startsWith('!') && matchesPattern(text, pattern.slice(1)),
  );
  return !denied && patterns.some((pattern) => !pattern.startsWith('!') && matchesPattern(text, pattern));
}
