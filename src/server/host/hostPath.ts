const SLASH = 0x2f;

/** The path of an entry of a directory. */
export function childPath(directory: Buffer, name: Buffer): Buffer {
  return directory.length === 1
    ? Buffer.concat([directory, name])
    : Buffer.concat([directory, Buffer.from('/'), name]);
}

/** Splits an absolute path into the directory and the name in it. */
export function splitPath(path: Buffer): { directory: Buffer; name: Buffer } {
  const slash = path.lastIndexOf(SLASH);
  return { directory: path.subarray(0, Math.max(slash, 1)), name: path.subarray(slash + 1) };
}

/** Whether `path` is `top` or lies below it. */
export function isWithin(path: Buffer, top: Buffer): boolean {
  if (top.length === 1) return true;
  if (!path.subarray(0, top.length).equals(top)) return false;
  return path.length === top.length || path[top.length] === SLASH;
}
