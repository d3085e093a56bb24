import type { AnyAuthMethod, AuthHandlerMiddleware, Prompt } from 'ssh2';
import type { HostConfig } from '../config/hostConfig';
import { ConnectError, USE_SYSTEM_SSH } from '../connectError';
import { IdentityRing } from './identityRing';
import { openSshOnlyKey, type PrivateKeyFile } from './privateKeyFile';
import { nobody, type Prompter } from './prompter';
import type { LoginAnswers } from './loginAnswers';

const USUAL_ORDER = ['publickey', 'keyboard-interactive', 'password'];

/** Tries allowed for one passphrase, as with OpenSSH. */
const PASSPHRASE_TRIES = 3;

const TOO_MANY_KEYS =
  'If it ended the login before the right key came, name that key with IdentityFile and set IdentitiesOnly yes';

/** A secret that was given and is recorded once the host has accepted it. */
interface Pending {
  readonly key: string;
  readonly secret: string;
  readonly remember: boolean;
}

/** Under which key the password of an account is kept, for both transports. */
export function passwordKey({ user, hostName, port }: HostConfig): string {
  return `password ${user}@${hostName}:${port}`;
}

/** Logs in to one host: chooses the next method, and asks the user for the secret it needs. */
export class Authenticator {
  /** Set when the user closed a prompt: nothing more is tried. */
  private cancelled: ConnectError | undefined;
  private attempts: AsyncGenerator<AnyAuthMethod, void, void>;
  private methods: readonly string[] = [];
  private readonly tried = new Set<string>();
  private wasPasswordWrong = false;
  private readonly pending: Pending[] = [];
  private readonly ring: IdentityRing;

  /**
   * @param interrupted awaits a question to the user, so that the caller can stop its clock meanwhile.
   * @param mayTellSecrets whether the host may get a password: it has shown a key that is not in doubt.
   */
  constructor(
    private readonly config: HostConfig,
    agentSocket: string | undefined,
    private readonly prompter: Prompter,
    private readonly secrets: LoginAnswers,
    private readonly interrupted: <T>(question: Promise<T>) => Promise<T>,
    private readonly mayTellSecrets: () => boolean,
  ) {
    this.ring = new IdentityRing(config, agentSocket, (file) => this.unlock(file));
    this.attempts = this.sequence();
  }

  /** For ssh2's `authHandler`. */
  readonly handler: AuthHandlerMiddleware = (methods, partialSuccess, next) => {
    if (methods !== null) this.methods = methods;
    // One factor of several was accepted: a method that was refused before may be the next factor.
    if (partialSuccess) this.attempts = this.sequence();
    this.next().then(
      (method) => next(method ?? (false as never)),
      (error) => {
        this.cancelled ??= error instanceof ConnectError ? error : undefined;
        next(false as never);
      },
    );
  };

  /** A key or a secret was shown to the host. */
  get hasOffered(): boolean {
    return this.pending.length > 0 || this.wasPasswordWrong || this.ring.offered.length > 0;
  }

  /** To be called once the host has let us in. */
  async succeeded(): Promise<void> {
    for (const { key, secret, remember } of this.pending) await this.secrets.accept(key, secret, remember);
  }

  /** Why we were not let in, without saying anything secret. @param words what the host said about it. */
  failure(words?: string): ConnectError {
    if (this.cancelled !== undefined) return this.cancelled;
    const { user, alias, certificateFiles, identityFiles } = this.config;
    const offered = this.ring.offered;
    const keys = this.tried.has('publickey')
      ? ` (${offered.length > 0 ? offered.join(', ') : 'no key found'})`
      : '';
    const tried = [...this.tried].map((method) => (method === 'publickey' ? `${method}${keys}` : method));
    const accepts = this.methods.length > 0 ? `; the host accepts ${this.methods.join(', ')}` : '';
    const isForOpenSsh = certificateFiles.length > 0 || identityFiles.some((file) => openSshOnlyKey(file));
    const hint = isForOpenSsh
      ? `. Certificates, FIDO keys and some locked keys need OpenSSH: ${USE_SYSTEM_SSH}`
      : '';
    const said = words === undefined ? '' : ` (${words})`;
    const tooMany = words === undefined ? '' : `. ${TOO_MANY_KEYS}`;
    return new ConnectError(
      'authentication',
      `${alias} did not let ${user} in${said}; tried ${tried.join(', ') || 'nothing'}${accepts}${tooMany}${hint}`,
    );
  }

  private async next(): Promise<AnyAuthMethod | undefined> {
    for (;;) {
      const { value, done } = await this.attempts.next();
      if (done || this.cancelled !== undefined) return undefined;
      return value;
    }
  }

  private allows(method: string): boolean {
    return this.methods.length === 0 || this.methods.includes(method);
  }

  private async *sequence(): AsyncGenerator<AnyAuthMethod, void, void> {
    const { config } = this;
    const username = config.user;
    for (const method of config.preferredAuthentications ?? USUAL_ORDER) {
      if (!this.allows(method)) continue;
      if (method === 'publickey' && config.pubkeyAuthentication) {
        this.tried.add(method);
        yield { type: 'agent', username, agent: this.ring };
      } else if (method === 'keyboard-interactive' && config.kbdInteractiveAuthentication) {
        yield* this.interactive(username);
      } else if (method === 'password' && config.passwordAuthentication) {
        yield* this.passwords(username);
      }
    }
  }

  private async *interactive(username: string): AsyncGenerator<AnyAuthMethod, void, void> {
    if (this.prompter === nobody || !this.mayTellSecrets()) return;
    const method = 'keyboard-interactive';
    for (let round = 0; round < this.config.numberOfPasswordPrompts && this.allows(method); round++) {
      this.tried.add(method);
      const given: Pending[] = [];
      yield {
        type: method,
        username,
        prompt: (name, instructions, _language, prompts, finish) => {
          this.answer(name, instructions, prompts, given).then(
            (answers) => finish([...answers]),
            (error) => {
              this.cancelled ??= error instanceof ConnectError ? error : undefined;
              finish(prompts.map(() => ''));
            },
          );
        },
      };
      if (this.cancelled !== undefined) return;
      for (const wrong of given) await this.refused(wrong);
    }
  }

  /** Answers one round. Hosts that leave passwords to PAM ask for them this way: then it is a password like any. */
  private async answer(
    name: string,
    instructions: string,
    prompts: readonly Prompt[],
    given: Pending[],
  ): Promise<readonly string[]> {
    const [first, ...others] = prompts;
    if (
      first !== undefined &&
      others.length === 0 &&
      !first.echo &&
      /^[^:]*password[^:]*:\s*$/i.test(first.prompt)
    ) {
      const password = await this.password();
      given.push(password);
      return [password.secret];
    }
    const answers = await this.interrupted(
      this.prompter.keyboardInteractive({
        host: this.config.alias,
        name,
        instructions,
        prompts: prompts.map(({ prompt, echo }) => ({ text: prompt, echo: echo ?? false })),
      }),
    );
    if (answers === undefined) throw this.givenUp();
    return answers;
  }

  private async *passwords(username: string): AsyncGenerator<AnyAuthMethod, void, void> {
    if (!this.mayTellSecrets()) return;
    // Nobody is asked for a password that the host would not take.
    if (this.methods.length === 0) yield { type: 'none', username };
    for (let round = 0; round < this.config.numberOfPasswordPrompts && this.allows('password'); round++) {
      if (this.prompter === nobody && !(await this.knowsPassword())) return;
      const password = await this.password();
      this.tried.add('password');
      yield { type: 'password', username, password: password.secret };
      await this.refused(password);
    }
  }

  private async knowsPassword(): Promise<boolean> {
    return (await this.secrets.get(passwordKey(this.config))) !== undefined;
  }

  /** The password on record, else the one that is asked for; recorded when the host lets us in. */
  private async password(): Promise<Pending> {
    const key = passwordKey(this.config);
    const known = await this.secrets.get(key);
    let pending: Pending;
    if (known !== undefined) {
      pending = { key, secret: known, remember: false };
    } else {
      const { user, alias } = this.config;
      const answer = await this.interrupted(
        this.prompter.password({ user, host: alias, wrong: this.wasPasswordWrong }),
      );
      if (answer === undefined) throw this.givenUp();
      pending = { key, ...answer };
    }
    this.pending.push(pending);
    return pending;
  }

  /** The host did not take a secret: it is not recorded, and forgotten if it was. */
  private async refused(secret: Pending): Promise<void> {
    this.wasPasswordWrong = true;
    const index = this.pending.indexOf(secret);
    if (index >= 0) this.pending.splice(index, 1);
    await this.secrets.reject(secret.key);
  }

  private async unlock(file: PrivateKeyFile) {
    const key = `passphrase ${file.path}`;
    const known = await this.secrets.get(key);
    if (known !== undefined) {
      const unlocked = file.unlock(known);
      if (unlocked !== undefined) return unlocked;
      await this.secrets.reject(key);
    }
    for (let round = 0; round < PASSPHRASE_TRIES; round++) {
      if (this.prompter === nobody) return undefined;
      const answer = await this.interrupted(
        this.prompter.passphrase({ keyFile: file.path, wrong: round > 0 }),
      );
      if (answer === undefined) {
        this.cancelled ??= this.givenUp();
        return undefined;
      }
      const unlocked = file.unlock(answer.secret);
      if (unlocked === undefined) continue;
      await this.secrets.accept(key, answer.secret, answer.remember);
      return unlocked;
    }
    return undefined;
  }

  private givenUp(): ConnectError {
    return new ConnectError('cancelled', `logging in to ${this.config.alias} was cancelled`);
  }
}
