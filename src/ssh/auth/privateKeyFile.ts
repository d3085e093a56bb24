import { readFileSync } from 'node:fs';
import { type ParsedKey, utils } from 'ssh2';
import { keyTypeOf } from './knownHosts';
import { convertPkcs8, isPkcs8 } from './pkcs8';

const OPENSSH_MAGIC = Buffer.from('openssh-key-v1\0');

/** A private key in a file, locked or not. */
export interface PrivateKeyFile {
  readonly path: string;
  /** The public key (RFC 4253, 6.6); absent if it cannot be known without the passphrase. */
  readonly publicKey?: Buffer;
  readonly isEncrypted: boolean;
  /** Undefined when the passphrase is missing or wrong. */
  unlock(passphrase?: string): ParsedKey | undefined;
}

/** Reads a key file. Undefined if there is none or it holds no private key that can be used here. */
export function readPrivateKeyFile(path: string): PrivateKeyFile | undefined {
  const text = textOf(path)?.replace(/\r\n/g, '\n');
  if (text === undefined) return undefined;
  const open = parsePrivate(text);
  const isEncrypted = open === undefined && isLocked(text);
  if (open === undefined && !isEncrypted) return undefined;
  // Nobody is asked for a passphrase that would not help.
  if (UNOPENED_CIPHERS.has(cipherOf(text) ?? '')) return undefined;
  const publicKey = open?.getPublicSSH() ?? publicPartOf(text) ?? publicKeyBeside(path);
  return {
    path,
    isEncrypted,
    ...(publicKey !== undefined && { publicKey }),
    unlock: (passphrase) => open ?? (passphrase === undefined ? undefined : parsePrivate(text, passphrase)),
  };
}

/** The key in `path.pub`, for a key whose private half is in an agent or locked. */
export function publicKeyBeside(path: string): Buffer | undefined {
  return publicKeyIn(`${path}.pub`);
}

/** The key in a file that holds a public one, which IdentityFile may name to say which key of the agent is meant. */
export function publicKeyIn(path: string): Buffer | undefined {
  const [type, base64] = textOf(path)?.trim().split(/\s+/) ?? [];
  if (type === undefined || base64 === undefined) return undefined;
  const key = Buffer.from(base64, 'base64');
  return keyTypeOf(key) === type ? key : undefined;
}

/**
 * What makes a configured key one that only OpenSSH can log in with, in words: it is a certificate or on a FIDO token, or
 * has a certificate beside it, or is locked in a way that ssh2 cannot open. Nothing for any other key.
 */
export function openSshOnlyKey(path: string): string | undefined {
  const beside = path.endsWith('.pub') ? `${path.slice(0, -4)}-cert.pub` : `${path}-cert.pub`;
  const keys = [publicKeyIn(path), publicKeyBeside(path), publicKeyIn(beside)];
  const type = keys
    .flatMap((key) => key ?? [])
    .map(keyTypeOf)
    .find(isOpenSshOnly);
  if (type !== undefined) return `a key of type ${type}`;
  const cipher = cipherOf(textOf(path) ?? '');
  return cipher !== undefined && UNOPENED_CIPHERS.has(cipher) ? `a key locked with ${cipher}` : undefined;
}

/** Ciphers of OpenSSH's key format (ssh-keygen -Z) that ssh2 does not have for files. */
const UNOPENED_CIPHERS: ReadonlySet<string> = new Set(['chacha20-poly1305@openssh.com']);

/** Whether ssh2 knows nothing of keys of this type. */
export function isOpenSshOnly(keyType: string): boolean {
  return /-cert-v\d+@|^(?:sk|webauthn-sk)-/.test(keyType);
}

function parsePrivate(text: string, passphrase?: string): ParsedKey | undefined {
  const parsed = utils.parseKey(isPkcs8(text) ? (convertPkcs8(text, passphrase) ?? '') : text, passphrase);
  if (parsed instanceof Error) return undefined;
  const [key] = [parsed].flat();
  return key?.isPrivateKey() ? key : undefined;
}

function isLocked(text: string): boolean {
  if (isPkcs8(text)) return text.includes('-----BEGIN ENCRYPTED PRIVATE KEY-----');
  const parsed = utils.parseKey(text);
  return parsed instanceof Error && /encrypted|passphrase/i.test(parsed.message);
}

/** What OpenSSH's format keeps in the clear in front of the locked part (PROTOCOL.key). */
interface KeyHeader {
  readonly cipher: string;
  readonly publicKey: Buffer;
}

function publicPartOf(text: string): Buffer | undefined {
  return headerOf(text)?.publicKey;
}

function cipherOf(text: string): string | undefined {
  return headerOf(text)?.cipher;
}

function headerOf(text: string): KeyHeader | undefined {
  const [, base64] = /-----BEGIN OPENSSH PRIVATE KEY-----([\s\S]+)-----END/.exec(text) ?? [];
  if (base64 === undefined) return undefined;
  const bytes = Buffer.from(base64, 'base64');
  if (!bytes.subarray(0, OPENSSH_MAGIC.length).equals(OPENSSH_MAGIC)) return undefined;
  let at = OPENSSH_MAGIC.length;
  const string = () => {
    const end = at + 4 + bytes.readUInt32BE(at);
    const value = bytes.subarray(at + 4, end);
    at = end;
    return value;
  };
  try {
    const cipher = string().toString('latin1');
    string(); // key derivation
    string(); // its options
    at += 4; // number of keys
    return { cipher, publicKey: string() };
  } catch {
    return undefined; // Cut short.
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
