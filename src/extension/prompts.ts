import * as vscode from 'vscode';
import type {
  HostKeyQuestion,
  InteractiveQuestion,
  PassphraseQuestion,
  PasswordQuestion,
  Prompter,
  SecretAnswer,
} from '../ssh/auth/prompter';
import { t } from './l10n';
import { ask, askText, ShownInput } from './show';
import type { SecretStore } from '../ssh/auth/loginAnswers';

/** The password that sudo wants on a host; it is used once and kept nowhere. Nothing: the user gave up. */
export async function askSudoPassword(
  host: string,
  attempt: number,
  message: string,
): Promise<string | undefined> {
  return askText({
    title: t('Save as root on {0}', host),
    prompt: attempt === 1 ? t('Your password there, for sudo. It is used once and not kept.') : message,
    password: true,
  });
}

/** Asks the user in the window: input boxes for secrets, a modal question for a host's key. One question at a time. */
export class WindowPrompter implements Prompter {
  private last: Promise<unknown> = Promise.resolve();

  confirmHostKey(question: HostKeyQuestion): Promise<boolean> {
    const { host, address, keyType, fingerprint, otherTypes } = question;
    const detail = [
      ...(address === undefined ? [] : [t('It is at {0}.', address)]),
      t('Its {0} key has the fingerprint', keyType),
      fingerprint,
      '',
      t('Compare it with what the host’s administrator tells you.'),
    ];
    if (otherTypes.length > 0) {
      detail.push(
        '',
        t(
          'The host is known by keys of another type: {0}. It may have got a new one.',
          otherTypes.join(', '),
        ),
      );
    }
    return this.inTurn(async () => {
      // Enter takes the first button, and nobody trusts a host by a key press too many.
      const copy = t('Copy Fingerprint');
      const trust = t('Trust This Key');
      for (;;) {
        const answer = await ask(t('{0} is not known yet.', host), detail.join('\n'), copy, trust);
        if (answer !== copy) return answer === trust;
        await vscode.env.clipboard.writeText(fingerprint);
      }
    });
  }

  passphrase({ keyFile, wrong }: PassphraseQuestion): Promise<SecretAnswer | undefined> {
    return this.secret(
      t('Passphrase of {0}', keyFile),
      wrong ? t('That passphrase does not fit.') : undefined,
    );
  }

  password({ user, host, wrong }: PasswordQuestion): Promise<SecretAnswer | undefined> {
    return this.secret(
      t('Password of {0} on {1}', user, host),
      wrong ? t('The host refused that password.') : undefined,
    );
  }

  keyboardInteractive(question: InteractiveQuestion): Promise<readonly string[] | undefined> {
    return this.inTurn(async () => {
      const answers: string[] = [];
      for (const { text, echo } of question.prompts) {
        const answer = await askText({
          // Whose words these are stands first: the host may ask for anything.
          title: t('{0} asks', question.host),
          prompt: [question.name, question.instructions, text].filter((part) => part !== '').join('\n'),
          password: !echo,
        });
        if (answer === undefined) return undefined;
        answers.push(answer);
      }
      return answers;
    });
  }

  /** A secret, with a button that says whether it is kept in the system's secret storage. */
  private secret(title: string, wrong: string | undefined): Promise<SecretAnswer | undefined> {
    return this.inTurn(
      () =>
        new Promise((resolve) => {
          const shown = new ShownInput(title);
          const { input } = shown;
          const buttons = {
            forget: {
              iconPath: new vscode.ThemeIcon('unlock'),
              tooltip: t('Used for this window only; click to keep it'),
            },
            keep: {
              iconPath: new vscode.ThemeIcon('lock'),
              tooltip: t('Kept in the secret storage; click not to'),
            },
          };
          let remember = false;
          input.password = true;
          input.buttons = [buttons.forget];
          shown.problem = wrong;
          input.onDidChangeValue(() => {
            shown.problem = undefined;
          });
          input.onDidTriggerButton(() => {
            remember = !remember;
            input.buttons = [remember ? buttons.keep : buttons.forget];
          });
          input.onDidAccept(() => {
            resolve({ secret: input.value, remember });
            input.dispose();
          });
          input.onDidHide(() => {
            resolve(undefined);
            input.dispose();
          });
          input.show();
        }),
    );
  }

  /** Two hosts that ask at once would close each other's box. */
  private inTurn<T>(ask: () => Promise<T>): Promise<T> {
    const asked = this.last.then(ask, ask);
    this.last = asked;
    return asked;
  }
}

/** The editor's SecretStorage under our own names. */
export function secretStore(secrets: vscode.SecretStorage): SecretStore {
  const named = (key: string) => `livemount ${key}`;
  return {
    get: (key) => secrets.get(named(key)),
    set: (key, secret) => secrets.store(named(key), secret),
    delete: (key) => secrets.delete(named(key)),
  };
}
