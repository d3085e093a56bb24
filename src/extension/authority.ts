/**
 * A host as a URI authority. VS Code lowercases authorities and compares them without case, while an alias of
 * ssh_config and a user name are case-sensitive; so everything but `a-z 0-9 . - _ @ :` is written as `+` and two
 * hexadecimal digits of each UTF-8 byte. `build@db7:2222` stays itself, `MyHost` is `+4dy+48ost`.
 */
export function encodeHost(host: string): string {
  return Array.from(Buffer.from(host, 'utf8'), (byte) => {
    const char = String.fromCharCode(byte);
    return /[a-z0-9._@:-]/.test(char) ? char : `+${byte.toString(16).padStart(2, '0')}`;
  }).join('');
}

/** The host of an authority; a `+` that starts no escape, as a user may type it, stands for itself. */
export function decodeHost(authority: string): string {
  // split() with a group: text at even places, the escapes' digits at odd ones.
  const parts = authority.split(/\+([0-9a-f]{2})/i);
  return Buffer.concat(parts.map((part, i) => Buffer.from(part, i % 2 === 0 ? 'utf8' : 'hex'))).toString(
    'utf8',
  );
}
