const WORDS = 30_000;
const VARIES = 20_000;

/** Content that tells by itself whether it is whole: one number, as often as the number says. */
export function contentOf(n: number): string {
  return `${n} `.repeat(WORDS + (n % 7) * (VARIES / 7));
}

export function isWhole(content: string): boolean {
  return content === contentOf(Number(content.slice(0, content.indexOf(' '))));
}
