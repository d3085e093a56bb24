import {
  BaseAgent,
  createAgent,
  type ParsedKey,
  type SignCallback,
  type SigningRequestOptions,
  utils,
} from 'ssh2';
import type { HostConfig } from '../config/hostConfig';
import { type PrivateKeyFile, publicKeyBeside, publicKeyIn, readPrivateKeyFile } from './privateKeyFile';

/** A key we can offer to a host: where its private half is decides how it signs. */
interface Identity {
  readonly publicKey: Buffer;
  readonly description: string;
  sign(data: Buffer, options: SigningRequestOptions): Promise<Buffer>;
}

/** Unlocks a key file, asking for its passphrase; undefined if the user gives up. */
export type Unlock = (file: PrivateKeyFile) => Promise<ParsedKey | undefined>;

/**
 * Every key that may be offered to one host, as an agent of ssh2: keys of the user's agent and key files alike. A
 * passphrase is asked for only when the host has said that it would accept that very key.
 */
export class IdentityRing extends BaseAgent<ParsedKey> {
  private identities: readonly Identity[] = [];

  constructor(
    private readonly config: HostConfig,
    private readonly agentSocket: string | undefined,
    private readonly unlock: Unlock,
  ) {
    super();
  }

  /** The keys that are offered, in words and in order. */
  get offered(): readonly string[] {
    return this.identities.map((identity) => identity.description);
  }

  override getIdentities(done: (error: Error | undefined, keys?: ParsedKey[]) => void): void {
    this.collect().then(
      (identities) => {
        this.identities = identities;
        const keys = identities.flatMap(({ publicKey }) => {
          const parsed = utils.parseKey(publicKey);
          return parsed instanceof Error ? [] : parsed;
        });
        done(undefined, keys);
      },
      (error) => done(error as Error),
    );
  }

  override sign(
    publicKey: ParsedKey,
    data: Buffer,
    optionsOrDone: SigningRequestOptions | SignCallback,
    maybeDone?: SignCallback,
  ): void {
    const [options, done] =
      typeof optionsOrDone === 'function' ? [{}, optionsOrDone] : [optionsOrDone, maybeDone ?? (() => {})];
    const identity = this.identities.find((one) => one.publicKey.equals(publicKey.getPublicSSH()));
    if (identity === undefined) {
      done(new Error('no such key'));
      return;
    }
    identity.sign(data, options).then(
      (signature) => done(undefined, signature),
      (error) => done(error as Error),
    );
  }

  /**
   * In OpenSSH's order: configured keys that the agent holds, the agent's other keys (unless IdentitiesOnly), then
   * key files. Servers stop listening after a few keys, so the likely ones come first.
   */
  private async collect(): Promise<Identity[]> {
    const files = this.config.identityFiles.flatMap((path) => readPrivateKeyFile(path) ?? []);
    const configured = this.config.identityFiles.flatMap(
      (path) =>
        files.find((file) => file.path === path)?.publicKey ??
        publicKeyIn(path) ??
        publicKeyBeside(path) ??
        [],
    );
    const isConfigured = (key: Buffer) => configured.some((one) => one.equals(key));
    const held = await this.agentIdentities();
    const first = held.filter(({ publicKey }) => isConfigured(publicKey));
    const others = this.config.identitiesOnly ? [] : held.filter(({ publicKey }) => !isConfigured(publicKey));
    const inFiles = files
      .filter(({ publicKey }) => !held.some((one) => publicKey?.equals(one.publicKey)))
      .map((file) => this.fileIdentity(file));
    const usable = await Promise.all(inFiles);
    return [...first, ...others, ...usable.filter((identity) => identity !== undefined)];
  }

  private async agentIdentities(): Promise<Identity[]> {
    if (this.agentSocket === undefined) return [];
    const agent = createAgent(this.agentSocket);
    const keys = await new Promise<ParsedKey[]>((resolve) => {
      // An agent that cannot be reached is no reason not to try key files.
      agent.getIdentities((error, found) => resolve(error ? [] : ((found ?? []) as ParsedKey[])));
    });
    return keys.map((key) => ({
      publicKey: key.getPublicSSH(),
      description: `${key.type} from the agent`,
      sign: (data, options) =>
        new Promise((resolve, reject) => {
          agent.sign(key, data, options, (error, signature) => {
            if (error || signature === undefined) reject(error ?? new Error('the agent did not sign'));
            else resolve(signature);
          });
        }),
    }));
  }

  private async fileIdentity(file: PrivateKeyFile): Promise<Identity | undefined> {
    // An old format keeps even the public half locked: the passphrase is needed to offer the key at all.
    const publicKey = file.publicKey ?? (await this.unlock(file))?.getPublicSSH();
    if (publicKey === undefined) return undefined;
    return {
      publicKey,
      description: file.path,
      sign: async (data, options) => {
        const key = file.unlock() ?? (await this.unlock(file));
        if (key === undefined) throw new Error(`${file.path} was not unlocked`);
        const signature: unknown = key.sign(data, options.hash);
        if (Buffer.isBuffer(signature)) return signature;
        throw new Error(`${file.path} cannot sign: ${signature instanceof Error ? signature.message : ''}`);
      },
    };
  }
}
