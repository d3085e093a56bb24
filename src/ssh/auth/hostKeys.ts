import { appendFileSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { messageOf } from '../../base/errors';
import { makeFolders } from '../../base/makeFolders';
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
import type { LoginAnswers } from './loginAnswers';

export interface HostKeyOptions {
  /**
   * Takes keys that are newly trusted, in the format of known_hosts; the user's own files are read and never written.
   * Unused where the configuration keeps no record of keys.
   */
  readonly storeFile?: string;
  readonly prompter: Prompter;
  readonly secrets: LoginAnswers;
  /** OpenSSH can be taken for what only it can check: then nobody is asked, and the error says so. */
  readonly canUseOpenSsh: boolean;
  readonly onLog: (line: string) => void;
}

/** Decides whether to go on with a host, from the key it shows and before anything secret is sent to it. */
export class HostKeyVerifier {
  private readonly name: string;
  private readonly entries: readonly KnownHost[];
  private readonly storeFile: string | undefined;
  private mayBeAnother = false;

  constructor(
    private readonly config: HostConfig,
    private readonly options: HostKeyOptions,
  ) {
    // ssh_config(5): an alias stands for the name and the port.
    this.name = config.hostKeyAlias?.toLowerCase() ?? knownHostName(config.hostName, config.port);
    this.storeFile = config.keepsNoHostKeys ? undefined : options.storeFile;
    const files = [...config.userKnownHostsFiles, ...config.globalKnownHostsFiles];
    if (this.storeFile !== undefined) files.push(this.storeFile);
    this.entries = files.flatMap((file) => parseKnownHosts(textOf(file), file));
  }

  /** Types of key on record: asked for first, so that a host with several keys shows one that can be checked. */
  get recordedTypes(): ReadonlySet<string> {
    return recordedKeyTypes(this.entries, this.name);
  }

  /**
   * The host was let through with another key than the one on record, as `StrictHostKeyChecking no` wants it. As with
   * OpenSSH it gets no password then.
   */
  get isDoubtful(): boolean {
    return this.mayBeAnother;
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
        this.decideChanged(shown, verdict.recorded);
        return;
      case 'unknown':
        await this.decideUnknown(key, shown, verdict.otherTypes, verdict.certified);
    }
  }

  private decideChanged(shown: string, recorded: KnownHost): void {
    const { alias, strictHostKeyChecking } = this.config;
    const fact = `${alias} shows the ${shown}, but ${fingerprint(recorded.key)} is on record (${placeOf(recorded)})`;
    if (strictHostKeyChecking === 'no') {
      this.mayBeAnother = true;
      this.options.onLog(`${fact}. StrictHostKeyChecking is "no": connecting, and no password is sent`);
      return;
    }
    throw new ConnectError(
      'host-key-changed',
      `${fact}. Either the host was set up anew or someone is in between. Ask its ` +
        `administrator; if the new key is right, remove that line (ssh-keygen -R '${this.name}' ` +
        `-f '${recorded.file}') and connect again`,
    );
  }

  private async decideUnknown(
    key: Buffer,
    shown: string,
    otherTypes: readonly KnownHost[],
    certified: boolean,
  ): Promise<void> {
    const { strictHostKeyChecking, alias } = this.config;
    const { prompter, secrets, canUseOpenSsh } = this.options;
    const refuse = (why: string) =>
      new ConnectError(
        'host-key-unknown',
        `the ${shown} of ${alias} is not on record, ${why}${
          certified
            ? `. A certificate authority is trusted for this host, and only OpenSSH can check that: ${USE_SYSTEM_SSH}`
            : ''
        }`,
        { needsOpenSsh: certified },
      );
    if (certified && canUseOpenSsh) throw refuse('and the built-in client cannot check its certificate');
    if (strictHostKeyChecking === 'yes') {
      throw refuse(
        'and StrictHostKeyChecking is "yes": add it to known_hosts after checking it with ssh-keyscan',
      );
    }
    if (secrets.trustsHostKey(this.name, key)) return;
    // A host that is known by another key and suddenly shows one of a new type is for a person to judge.
    const isNew = otherTypes.length === 0 && !certified;
    const address = knownHostName(this.config.hostName, this.config.port);
    const trusted =
      strictHostKeyChecking === 'no' ||
      (strictHostKeyChecking === 'accept-new' && isNew) ||
      (await prompter.confirmHostKey({
        host: alias,
        ...(address !== alias && { address }),
        keyType: keyTypeOf(key),
        fingerprint: fingerprint(key),
        otherTypes: otherTypes.map((entry) => entry.keyType),
      }));
    if (!trusted) throw refuse('and was not accepted');
    secrets.trustHostKey(this.name, key);
    if (this.storeFile !== undefined) this.record(key, this.storeFile);
  }

  /** A key that cannot be recorded is asked about again in the next session; the connection stands. */
  private record(key: Buffer, storeFile: string): void {
    try {
      const line = formatKnownHost(this.name, key, this.config.hashKnownHosts);
      makeFolders(dirname(storeFile));
      appendFileSync(storeFile, `${line}\n`, { mode: 0o600 });
    } catch (error) {
      this.options.onLog(
        `the host key of ${this.config.alias} is trusted, but not recorded: ${messageOf(error)}`,
      );
    }
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
