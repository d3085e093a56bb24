/** Bytes that stand for themselves in the path of a .trashinfo: the unreserved ones of a URI, and the slash. */
const PLAIN = /[A-Za-z0-9\-_.!~*'()/]/;

/** A path as a .trashinfo has it: every other byte as %XX. (freedesktop.org Trash 1.0; RFC 2396, section 2) */
export function encodeTrashPath(path: Buffer): string {
  let text = '';
  for (const byte of path) {
    const character = String.fromCharCode(byte);
    text += PLAIN.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return text;
}

/** The content of a .trashinfo. The date is the host's local time, without a zone. */
export function trashInfo(path: Buffer, deleted: Date): Buffer {
  const two = (value: number) => String(value).padStart(2, '0');
  const date = [deleted.getFullYear(), two(deleted.getMonth() + 1), two(deleted.getDate())].join('-');
  const time = [deleted.getHours(), deleted.getMinutes(), deleted.getSeconds()].map(two).join(':');
  return Buffer.from(`[Trash Info]\nPath=${encodeTrashPath(path)}\nDeletionDate=${date}T${time}\n`);
}
