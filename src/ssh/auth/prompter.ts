/** A secret the user typed; `remember` asks to keep it beyond this session. */
export interface SecretAnswer {
  readonly secret: string;
  readonly remember: boolean;
}

export interface HostKeyQuestion {
  /** As the user named it. */
  readonly host: string;
  /** Where that is, in the form of known_hosts, if the name does not say it. */
  readonly address?: string;
  readonly keyType: string;
  /** `SHA256:...` */
  readonly fingerprint: string;
  /** Types of key that are on record for this host while this one is not; usually empty. */
  readonly otherTypes: readonly string[];
}

export interface PassphraseQuestion {
  readonly keyFile: string;
  /** The last answer did not fit. */
  readonly wrong: boolean;
}

export interface PasswordQuestion {
  readonly user: string;
  readonly host: string;
  readonly wrong: boolean;
}

export interface InteractiveQuestion {
  readonly host: string;
  readonly name: string;
  readonly instructions: string;
  readonly prompts: readonly { readonly text: string; readonly echo: boolean }[];
}

/** Asks the user. Every answer `undefined` means that the question was closed; the connection is then given up. */
export interface Prompter {
  /** Whether to trust a host's key that is not on record. */
  confirmHostKey(question: HostKeyQuestion): Promise<boolean>;
  passphrase(question: PassphraseQuestion): Promise<SecretAnswer | undefined>;
  password(question: PasswordQuestion): Promise<SecretAnswer | undefined>;
  /** One answer for each prompt, in order. */
  keyboardInteractive(question: InteractiveQuestion): Promise<readonly string[] | undefined>;
}

/** For where nobody can be asked: trusts nothing and knows no secret. */
export const nobody: Prompter = {
  confirmHostKey: async () => false,
  passphrase: async () => undefined,
  password: async () => undefined,
  keyboardInteractive: async () => undefined,
};
