import type { Algorithms, ServerHostKeyAlgorithm } from 'ssh2';
import type { HostConfig } from '../config/hostConfig';
import { ConnectError, USE_SYSTEM_SSH } from '../connectError';

/** What ssh2 can do, in its order of preference; those behind `legacy` only when the configuration names them. */
const supported = {
  kex: [
    'curve25519-sha256',
    'curve25519-sha256@libssh.org',
    'ecdh-sha2-nistp256',
    'ecdh-sha2-nistp384',
    'ecdh-sha2-nistp521',
    'diffie-hellman-group-exchange-sha256',
    'diffie-hellman-group14-sha256',
    'diffie-hellman-group16-sha512',
    'diffie-hellman-group18-sha512',
  ],
  cipher: [
    'aes128-gcm@openssh.com',
    'aes256-gcm@openssh.com',
    'chacha20-poly1305@openssh.com',
    'aes128-ctr',
    'aes192-ctr',
    'aes256-ctr',
  ],
  hmac: [
    'hmac-sha2-256-etm@openssh.com',
    'hmac-sha2-512-etm@openssh.com',
    'hmac-sha1-etm@openssh.com',
    'hmac-sha2-256',
    'hmac-sha2-512',
    'hmac-sha1',
  ],
  serverHostKey: [
    'ssh-ed25519',
    'ecdsa-sha2-nistp256',
    'ecdsa-sha2-nistp384',
    'ecdsa-sha2-nistp521',
    'rsa-sha2-512',
    'rsa-sha2-256',
  ],
} as const;

const legacy = {
  kex: ['diffie-hellman-group-exchange-sha1', 'diffie-hellman-group14-sha1', 'diffie-hellman-group1-sha1'],
  cipher: ['aes256-cbc', 'aes192-cbc', 'aes128-cbc', '3des-cbc'],
  hmac: ['hmac-md5', 'hmac-sha2-256-96', 'hmac-sha2-512-96', 'hmac-sha1-96'],
  serverHostKey: ['ssh-rsa', 'ssh-dss'],
} as const;

/**
 * What to offer in the key exchange: what ssh2 can do and the configuration allows, fastest first, and host keys of
 * the recorded types in front. ConnectError `configuration` when nothing is left of a kind.
 */
export function algorithmsFor(config: HostConfig, recordedKeyTypes: ReadonlySet<string>): Algorithms {
  const pick = (kind: keyof typeof supported, allowed: readonly string[] | undefined): string[] => {
    if (allowed === undefined) return [...supported[kind]];
    const picked = [...supported[kind], ...legacy[kind]].filter((name) => allowed.includes(name));
    if (picked.length > 0) return picked;
    throw new ConnectError(
      'configuration',
      `the SSH configuration allows no ${kind} algorithm that the built-in client has (${allowed.join(', ')}): ` +
        USE_SYSTEM_SSH,
      { needsOpenSsh: true },
    );
  };
  const isRecorded = (algorithm: string) =>
    recordedKeyTypes.has(algorithm.replace(/^rsa-sha2-\d+$/, 'ssh-rsa'));
  const hostKeys = pick('serverHostKey', config.hostKeyAlgorithms);
  return {
    kex: pick('kex', config.kexAlgorithms),
    cipher: pick('cipher', config.ciphers),
    hmac: pick('hmac', config.macs),
    serverHostKey: [
      ...hostKeys.filter(isRecorded),
      ...hostKeys.filter((algorithm) => !isRecorded(algorithm)),
    ] as ServerHostKeyAlgorithm[],
  } as Algorithms;
}
