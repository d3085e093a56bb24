import { appendFileSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { HostConfig } from '../config/hostConfig';
import { ConnectError, USE_SYSTEM_SSH } from '../connectError';
import {
  fingerprint,
  formatKnownHost,
  judgeHostKey,
  type KnownHost,
  keyTypeOf,
  knownHostName,
  parseKnownHosts,
  recordedKeyTypes,
} from './knownHosts';
import type { Prompter } from './prompter';

/** Decides whether to go on with a host, from the key it shows and before anything secret is sent to it. */
export class HostKeyVerifier {
  private readonly name: string;
  private readonly entries: readonly KnownHost[];

  /**
   * @param storeFile takes keys that are newly trusted, in the format of known_hosts; the user's own files are read
   *   and never written.
   */
  constructor(
    private readonly config: HostConfig,
    private readonly storeFile: string | undefined,
    private readonly prompter: Prompter,
  ) {
    // ssh_config(5): an alias stands for the name and the port.
    this.name = config.hostKeyAlias?.toLowerCase() ?? knownHostName(config.hostName, config.port);
    const files = [...config.userKnownHostsFiles, ...config.globalKnownHostsFiles];
    if (storeFile !== undefined) files.push(storeFile);
    this.entries = files.flatMap((file) => parseKnownHosts(textOf(file), file));
  }

  /** Types of key on record: asked for first, so that a host with several keys shows one that can be checked. */
  get recordedTypes(): ReadonlySet<string> {
    return recordedKeyTypes(this.entries, this.name);
  }

  /** Resolves if the key may be trusted. ConnectError `host-key-changed`, `host-key-revoked` or `host-key-unknown`. */
  async verify(key: Buffer): Promise<void> {
    const shown = `${keyTypeOf(key)} key ${fingerprint(key)}`;
    const verdict = judgeHostKey(this.entries, this.name, key);
    switch (verdict.kind) {
      case 'known':
        return;
      case 'revoked':
        throw new ConnectError(
          'host-key-revoked',
          `the ${shown} of ${this.config.alias} is marked as revoked (${placeOf(verdict.by)}): do not connect before ` +
            'its administrator has given the host a new key',
        );
      case 'changed':
        throw new ConnectError(
          'host-key-changed',
          `${this.config.alias} shows the ${shown}, but ${fingerprint(verdict.recorded.key)} is on record ` +
            `(${placeOf(verdict.recorded)}). Either the host was set up anew or someone is in between. Ask its ` +
            `administrator; if the new key is right, remove that line (ssh-keygen -R '${this.name}' ` +
            `-f '${verdict.recorded.file}') and connect again`,
        );
      case 'unknown':
        await this.decideUnknown(key, shown, verdict.otherTypes, verdict.certified);
    }
  }

  private async decideUnknown(
    key: Buffer,
    shown: string,
    otherTypes: readonly KnownHost[],
    certified: boolean,
  ): Promise<void> {
    const { strictHostKeyChecking, alias } = this.config;
    const refuse = (why: string) =>
      new ConnectError(
        'host-key-unknown',
        `the ${shown} of ${alias} is not on record, ${why}${
          certified
            ? `. A certificate authority is trusted for this host, and only OpenSSH can check that: ${USE_SYSTEM_SSH}`
            : ''
        }`,
      );
    if (strictHostKeyChecking === 'yes') {
      throw refuse(
        'and StrictHostKeyChecking is "yes": add it to known_hosts after checking it with ssh-keyscan',
      );
    }
    // A host that is known by another key and suddenly shows one of a new type is for a person to judge.
    const isNew = otherTypes.length === 0 && !certified;
    const trusted =
      strictHostKeyChecking === 'no' ||
      (strictHostKeyChecking === 'accept-new' && isNew) ||
      (await this.prompter.confirmHostKey({
        host: alias,
        keyType: keyTypeOf(key),
        fingerprint: fingerprint(key),
        otherTypes: otherTypes.map((entry) => entry.keyType),
      }));
    if (!trusted) throw refuse('and was not accepted');
    if (this.storeFile !== undefined) this.record(key, this.storeFile);
  }

  private record(key: Buffer, storeFile: string): void {
    mkdirSync(dirname(storeFile), { recursive: true, mode: 0o700 });
    const line = formatKnownHost(this.name, key, this.config.hashKnownHosts);
    appendFileSync(storeFile, `${line}\n`, { mode: 0o600 });
  }
}

function placeOf(entry: KnownHost): string {
  return `${entry.file}:${entry.line}`;
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // Most of the usual files do not exist.
  }
}
