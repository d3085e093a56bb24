import type {
  HostKeyQuestion,
  InteractiveQuestion,
  PassphraseQuestion,
  PasswordQuestion,
  Prompter,
} from '../../src/ssh/auth/prompter';

/** Answers for a test; what was asked is kept, and a question without an answer is closed. */
export class ScriptedPrompter implements Prompter {
  readonly asked: {
    hostKeys: HostKeyQuestion[];
    passphrases: PassphraseQuestion[];
    passwords: PasswordQuestion[];
  } = {
    hostKeys: [],
    passphrases: [],
    passwords: [],
  };
  readonly interactive: InteractiveQuestion[] = [];

  constructor(
    private readonly answers: {
      readonly trust?: boolean;
      readonly passphrases?: string[];
      readonly passwords?: string[];
      readonly interactive?: (readonly string[])[];
      readonly remember?: boolean;
    },
  ) {}

  async confirmHostKey(question: HostKeyQuestion): Promise<boolean> {
    this.asked.hostKeys.push(question);
    return this.answers.trust ?? false;
  }

  async passphrase(question: PassphraseQuestion) {
    this.asked.passphrases.push(question);
    return this.secret(this.answers.passphrases);
  }

  async password(question: PasswordQuestion) {
    this.asked.passwords.push(question);
    return this.secret(this.answers.passwords);
  }

  async keyboardInteractive(question: InteractiveQuestion): Promise<readonly string[] | undefined> {
    this.interactive.push(question);
    return this.answers.interactive?.shift();
  }

  private secret(answers: string[] | undefined) {
    const secret = answers?.shift();
    return secret === undefined ? undefined : { secret, remember: this.answers.remember ?? false };
  }
}
