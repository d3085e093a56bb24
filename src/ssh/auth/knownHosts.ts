import { createHash, createHmac, randomBytes } from 'node:crypto';
import { matchesPatternList } from '../config/patterns';
import { ConnectError } from '../connectError';

/** A line of known_hosts (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT). */
export interface KnownHost {
  readonly marker?: 'revoked' | 'cert-authority';
  /** Whether the line speaks of this name, in the form `knownHostName` makes. */
  matches(name: string): boolean;
  readonly keyType: string;
  readonly key: Buffer;
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

/** What the records say about a key that a host shows. */
export type Verdict =
  | { readonly kind: 'known' }
  | { readonly kind: 'revoked'; readonly by: KnownHost }
  /** Another key of this type is on record. */
  | { readonly kind: 'changed'; readonly recorded: KnownHost }
  | {
      readonly kind: 'unknown';
      /** Keys of other types that are on record for this host. */
      readonly otherTypes: readonly KnownHost[];
      /** A certificate authority is trusted for this host. */
      readonly certified: boolean;
    };

/** The name of a host in known_hosts: in lower case, and with a port that is not 22 as `[name]:port`. */
export function knownHostName(host: string, port: number): string {
  const lower = host.toLowerCase();
  return port === 22 ? lower : `[${lower}]:${port}`;
}

/** Reads known_hosts; comments and lines that are none are left out, as OpenSSH does. */
export function parseKnownHosts(text: string, file: string): KnownHost[] {
  return text
    .replace(/^\ufeff/, '')
    .split('\n')
    .flatMap((content, index) => {
      const words = content.trim().split(/\s+/);
      const marker =
        words[0] === '@revoked' ? 'revoked' : words[0] === '@cert-authority' ? 'cert-authority' : undefined;
      const [hosts, keyType, base64] = marker === undefined ? words : words.slice(1);
      if (hosts === undefined || keyType === undefined || base64 === undefined || /^[#@]/.test(hosts))
        return [];
      const key = Buffer.from(base64, 'base64');
      if (keyTypeOf(key) !== keyType) return [];
      const entry = { matches: nameMatcher(hosts), keyType, key, file, line: index + 1 };
      return [marker === undefined ? entry : { ...entry, marker }];
    });
}

function nameMatcher(hosts: string): (name: string) => boolean {
  const [, salt, hash] = /^\|1\|([^|]+)\|(.+)$/.exec(hosts) ?? [];
  if (salt !== undefined && hash !== undefined) {
    return (name) => hashedName(name, Buffer.from(salt, 'base64')) === hosts;
  }
  const patterns = hosts.toLowerCase().split(',');
  // In brackets the name is literal for the pattern as well: only * and ? are special, and the matcher knows that.
  return (name) => matchesPatternList(name, patterns);
}

function hashedName(name: string, salt: Buffer): string {
  const hash = createHmac('sha1', salt).update(name).digest('base64');
  return `|1|${salt.toString('base64')}|${hash}`;
}

/** Looks a host's key up. The same name may stand on many lines, for keys of several types. */
export function judgeHostKey(entries: readonly KnownHost[], name: string, key: Buffer): Verdict {
  const ours = entries.filter((entry) => entry.matches(name));
  const revoked = ours.find((entry) => entry.marker === 'revoked' && entry.key.equals(key));
  if (revoked !== undefined) return { kind: 'revoked', by: revoked };
  const plain = ours.filter((entry) => entry.marker === undefined);
  if (plain.some((entry) => entry.key.equals(key))) return { kind: 'known' };
  const type = keyTypeOf(key);
  const recorded = plain.find((entry) => entry.keyType === type);
  if (recorded !== undefined) return { kind: 'changed', recorded };
  return {
    kind: 'unknown',
    otherTypes: plain,
    certified: ours.some((entry) => entry.marker === 'cert-authority'),
  };
}

/** The types of key on record for a host, so that it can be asked for one that can be checked. */
export function recordedKeyTypes(entries: readonly KnownHost[], name: string): Set<string> {
  return new Set(entries.filter((e) => e.marker === undefined && e.matches(name)).map((e) => e.keyType));
}

/** What would make more of a name than that one: a list, a pattern, a marker, a comment, a hash, a second word. */
const MORE_THAN_A_NAME = /[\s\p{Cc},*?!|@#"]/u;

/** A line for known_hosts, without the line end. ConnectError `configuration` for a name that would vouch for others. */
export function formatKnownHost(name: string, key: Buffer, hashed: boolean): string {
  if (name === '' || MORE_THAN_A_NAME.test(name)) {
    throw new ConnectError(
      'configuration',
      `the key of ${JSON.stringify(name)} cannot be recorded: that would be a record for other hosts as well`,
    );
  }
  return `${hashed ? hashedName(name, randomBytes(20)) : name} ${keyTypeOf(key)} ${key.toString('base64')}`;
}

/** The type that a public key in the format of RFC 4253, 6.6 starts with; empty if it is none. */
export function keyTypeOf(key: Buffer): string {
  if (key.length < 4) return '';
  const length = key.readUInt32BE(0);
  return length > key.length - 4 ? '' : key.subarray(4, 4 + length).toString('latin1');
}

/** A key's fingerprint as OpenSSH shows it: `SHA256:` and unpadded base64. */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}
