/**
 * A copy in memory of its own, for what is kept for long: small buffers share slabs of 8 KiB (Buffer.poolSize), and one
 * that stays keeps its whole slab.
 */
export function ownBytes(bytes: Uint8Array): Buffer {
  const own = Buffer.allocUnsafeSlow(bytes.length);
  own.set(bytes);
  return own;
}
