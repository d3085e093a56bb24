import { type Disposable, onDispose } from '../../base/dispose';
import type { SecretStore } from './loginAnswers';
import type { Prompter } from './prompter';

/** A channel to another process that carries JSON, as Node's between parent and child. */
export interface Wire {
  /** False: nobody is at the other end any more. */
  send(message: object): boolean;
  /** Calls with each message, in order. */
  onMessage(listener: (message: unknown) => void): Disposable;
  /** Calls once when the other end is gone. */
  onEnd(listener: () => void): Disposable;
}

/** Whoever answers: a person by way of a window, and what is kept of earlier answers. */
export interface Answering {
  readonly prompter: Prompter;
  readonly secrets: SecretStore;
}

interface Question {
  readonly question: number;
  readonly of: string;
  readonly with: readonly unknown[];
}
interface Answer {
  readonly answer: number;
  readonly value?: unknown;
}

/** What can be asked over a wire, once for both ends. */
function questions({ prompter, secrets }: Answering) {
  return {
    confirmHostKey: prompter.confirmHostKey.bind(prompter),
    passphrase: prompter.passphrase.bind(prompter),
    password: prompter.password.bind(prompter),
    keyboardInteractive: prompter.keyboardInteractive.bind(prompter),
    get: secrets.get.bind(secrets),
    set: secrets.set.bind(secrets),
    delete: secrets.delete.bind(secrets),
  } as const;
}
type Questions = ReturnType<typeof questions>;

/**
 * A prompter and a store for secrets of a process that has neither a terminal nor a window: the other end of the wire
 * answers. When that is gone every question counts as closed.
 */
export function passedOn(wire: Wire): Answering {
  const open = new Map<number, (value: unknown) => void>();
  let asked = 0;
  wire.onMessage((message) => {
    const { answer, value } = message as Partial<Answer>;
    const settle = answer === undefined ? undefined : open.get(answer);
    if (answer === undefined || settle === undefined) return;
    open.delete(answer);
    settle(value);
  });
  wire.onEnd(() => {
    for (const settle of open.values()) settle(undefined);
    open.clear();
  });
  const ask =
    <K extends keyof Questions>(of: K) =>
    (...args: Parameters<Questions[K]>): Promise<Awaited<ReturnType<Questions[K]>>> =>
      new Promise((resolve) => {
        const question = ++asked;
        // The other end is this program too, and answers in the type of the question.
        open.set(question, resolve as (value: unknown) => void);
        if (wire.send({ question, of, with: args } satisfies Question)) return;
        open.delete(question);
        (resolve as (value: unknown) => void)(undefined);
      });
  const confirmed = ask('confirmHostKey');
  return {
    prompter: {
      confirmHostKey: async (question) => (await confirmed(question)) === true,
      passphrase: ask('passphrase'),
      password: ask('password'),
      keyboardInteractive: ask('keyboardInteractive'),
    },
    secrets: { get: ask('get'), set: ask('set'), delete: ask('delete') },
  };
}

/** Answers what the other end of the wire passes on. A question that fails counts as closed. */
export function answerPassedOn(wire: Wire, answering: Answering): Disposable {
  const known = questions(answering) as Readonly<Record<string, (...args: never[]) => PromiseLike<unknown>>>;
  const heard = wire.onMessage((message) => {
    const { question, of, with: args } = message as Partial<Question>;
    if (question === undefined || of === undefined || !Object.hasOwn(known, of)) return;
    const answer = (value: unknown) => void wire.send({ answer: question, value } satisfies Answer);
    Promise.resolve(known[of]?.(...((args ?? []) as never[]))).then(answer, () => answer(undefined));
  });
  return onDispose(() => heard.dispose());
}
