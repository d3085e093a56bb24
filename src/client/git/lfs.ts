/** What stands in a repository for content that Git LFS keeps elsewhere (git-lfs-spec). */
export interface LfsPointer {
  /** SHA-256 of the content. */
  readonly oid: string;
  /** Bytes of the content. */
  readonly size: number;
}

/** A longer text is no pointer. */
export const POINTER_BYTES = 1024;

/** The pointer that a blob is, or undefined. */
export function lfsPointer(blob: Buffer): LfsPointer | undefined {
  if (blob.length > POINTER_BYTES) return undefined;
  const text = blob.toString('latin1');
  if (!/^version https:\/\/(?:git-lfs\.github\.com|hawser\.github\.com)\/spec\/v1\n/.test(text))
    return undefined;
  const oid = /^oid sha256:([0-9a-f]{64})$/m.exec(text)?.[1];
  const size = /^size (\d{1,15})$/m.exec(text)?.[1];
  return oid === undefined || size === undefined ? undefined : { oid, size: Number(size) };
}
