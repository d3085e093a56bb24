import { ConnectError } from '../connectError';
import type {
  HostKeyQuestion,
  InteractiveQuestion,
  PassphraseQuestion,
  PasswordQuestion,
  Prompter,
} from './prompter';

/**
 * Keeps questions open whose connection has ended: a host waits for a password for a time only (LoginGraceTime), and a
 * person may take longer. The next connection that asks the same gets the answer that this one could not use.
 */
export class LastingPrompter implements Prompter {
  /** What the connection of this moment asked. */
  private asked = new Map<string, Promise<unknown>>();
  /** What the one before had asked, each for one use. */
  private unused = new Map<string, Promise<unknown>>();

  constructor(private readonly prompter: Prompter) {}

  confirmHostKey(question: HostKeyQuestion) {
    return this.ask('host key', question, () => this.prompter.confirmHostKey(question));
  }

  passphrase(question: PassphraseQuestion) {
    return this.ask('passphrase', question, () => this.prompter.passphrase(question));
  }

  password(question: PasswordQuestion) {
    return this.ask('password', question, () => this.prompter.password(question));
  }

  keyboardInteractive(question: InteractiveQuestion) {
    return this.ask('interactive', question, () => this.prompter.keyboardInteractive(question));
  }

  /**
   * To be called when a connection was lost: whether it asked anything, once that is answered. Fails with a ConnectError
   * `cancelled` when a question was closed.
   */
  async answered(): Promise<boolean> {
    this.unused = this.asked;
    this.asked = new Map();
    for (const answer of await Promise.all(this.unused.values())) {
      if (answer === undefined || answer === false)
        throw new ConnectError('cancelled', 'logging in was cancelled');
    }
    return this.unused.size > 0;
  }

  private ask<T>(kind: string, question: object, ask: () => Promise<T>): Promise<T> {
    const key = `${kind} ${JSON.stringify(question)}`;
    const unused = this.unused.get(key);
    if (unused !== undefined) {
      this.unused.delete(key);
      // The key says which kind of question it is, and so of answer.
      return unused as Promise<T>;
    }
    const answer = ask();
    this.asked.set(key, answer);
    return answer;
  }
}
