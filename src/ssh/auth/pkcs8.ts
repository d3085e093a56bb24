import { createPrivateKey, type KeyObject } from 'node:crypto';

/** Whether a text is a private key as OpenSSL, Java and some clouds write it (RFC 5958), which ssh2 does not read. */
export function isPkcs8(text: string): boolean {
  return /^-----BEGIN (?:ENCRYPTED )?PRIVATE KEY-----/m.test(text);
}

/** Such a key in a form that ssh2 reads; undefined for a wrong passphrase or a key of no use for SSH. */
export function convertPkcs8(text: string, passphrase: string | undefined): string | undefined {
  try {
    const key = createPrivateKey({ key: text, ...(passphrase !== undefined && { passphrase }) });
    switch (key.asymmetricKeyType) {
      case 'rsa':
        return key.export({ type: 'pkcs1', format: 'pem' }).toString();
      case 'ec':
        return key.export({ type: 'sec1', format: 'pem' }).toString();
      case 'ed25519':
        return opensshKey(key);
      default:
        return undefined;
    }
  } catch {
    return undefined;
  }
}

/** An Ed25519 key in OpenSSH's own format, not locked (PROTOCOL.key); there is no older one for it. */
function opensshKey(key: KeyObject): string {
  const { d = '', x = '' } = key.export({ format: 'jwk' });
  const [seed, point] = [Buffer.from(d, 'base64url'), Buffer.from(x, 'base64url')];
  const type = string('ssh-ed25519');
  const publicKey = Buffer.concat([type, string(point)]);
  const check = Buffer.alloc(8);
  const secret = Buffer.concat([check, publicKey, string(Buffer.concat([seed, point])), string('')]);
  const padding = Buffer.from(Array.from({ length: (8 - (secret.length % 8)) % 8 }, (_, index) => index + 1));
  const blob = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    string('none'),
    string('none'),
    string(''),
    Buffer.of(0, 0, 0, 1),
    string(publicKey),
    string(Buffer.concat([secret, padding])),
  ]);
  const lines = blob.toString('base64').replace(/.{70}/g, '$&\n');
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines}\n-----END OPENSSH PRIVATE KEY-----\n`;
}

function string(value: string | Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(value.length);
  return Buffer.concat([length, Buffer.from(value)]);
}
