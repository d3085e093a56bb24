/** Keeps secrets for later sessions, encrypted: VS Code's SecretStorage. */
export interface SecretStore {
  get(key: string): PromiseLike<string | undefined>;
  set(key: string, secret: string): PromiseLike<void>;
  delete(key: string): PromiseLike<void>;
}

/**
 * What the user has answered in this session, secrets and host keys, so that a reconnect does not ask again; over a
 * store for the secrets that the user wants kept. A secret is recorded only when it has worked.
 */
export class LoginAnswers {
  private readonly session = new Map<string, string>();
  private readonly hostKeys = new Map<string, Buffer>();

  constructor(private readonly store?: SecretStore) {}

  async get(key: string): Promise<string | undefined> {
    return this.session.get(key) ?? (await this.store?.get(key));
  }

  async accept(key: string, secret: string, remember: boolean): Promise<void> {
    this.session.set(key, secret);
    if (remember) await this.store?.set(key, secret);
  }

  /** For a secret that did not work, or no longer. */
  async reject(key: string): Promise<void> {
    this.session.delete(key);
    await this.store?.delete(key);
  }

  /** A person has trusted a host's key, whether or not there is a place to record it. */
  trustHostKey(name: string, key: Buffer): void {
    this.hostKeys.set(name, key);
  }

  trustsHostKey(name: string, key: Buffer): boolean {
    return this.hostKeys.get(name)?.equals(key) ?? false;
  }
}
