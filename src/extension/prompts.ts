import * as vscode from 'vscode';
import type {
  HostKeyQuestion,
  InteractiveQuestion,
  PassphraseQuestion,
  PasswordQuestion,
  Prompter,
  SecretAnswer,
} from '../ssh/auth/prompter';
import type { SecretStore } from '../ssh/auth/secrets';

/** The password that sudo wants on a host; it is used once and kept nowhere. Nothing: the user gave up. */
export async function askSudoPassword(
  host: string,
  attempt: number,
  message: string,
): Promise<string | undefined> {
  return vscode.window.showInputBox({
    title: `Save as root on ${host}`,
    prompt: attempt === 1 ? 'Your password there, for sudo. It is used once and not kept.' : message,
    password: true,
    ignoreFocusOut: true,
  });
}

/** Asks the user in the window: input boxes for secrets, a modal question for a host's key. One question at a time. */
export class WindowPrompter implements Prompter {
  private last: Promise<unknown> = Promise.resolve();

  confirmHostKey({ host, keyType, fingerprint, otherTypes }: HostKeyQuestion): Promise<boolean> {
    const known =
      otherTypes.length === 0
        ? ''
        : `\n\nThe host is known by keys of another type: ${otherTypes.join(', ')}. It may have got a new one.`;
    return this.inTurn(async () => {
      const trust = 'Trust This Key';
      const answer = await vscode.window.showWarningMessage(
        `${host} is not known yet.`,
        {
          modal: true,
          detail: `Its ${keyType} key has the fingerprint\n${fingerprint}\n\nCompare it with what the host’s administrator tells you.${known}`,
        },
        trust,
      );
      return answer === trust;
    });
  }

  passphrase({ keyFile, wrong }: PassphraseQuestion): Promise<SecretAnswer | undefined> {
    return this.secret(`Passphrase of ${keyFile}`, wrong ? 'That passphrase does not fit.' : undefined);
  }

  password({ user, host, wrong }: PasswordQuestion): Promise<SecretAnswer | undefined> {
    return this.secret(
      `Password of ${user} on ${host}`,
      wrong ? 'The host refused that password.' : undefined,
    );
  }

  keyboardInteractive(question: InteractiveQuestion): Promise<readonly string[] | undefined> {
    return this.inTurn(async () => {
      const answers: string[] = [];
      for (const { text, echo } of question.prompts) {
        const answer = await vscode.window.showInputBox({
          title: [question.host, question.name].filter((part) => part !== '').join(': '),
          prompt: [question.instructions, text].filter((part) => part !== '').join(' '),
          password: !echo,
          ignoreFocusOut: true,
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
          const input = vscode.window.createInputBox();
          const buttons = {
            forget: {
              iconPath: new vscode.ThemeIcon('unlock'),
              tooltip: 'Used for this window only; click to keep it',
            },
            keep: {
              iconPath: new vscode.ThemeIcon('lock'),
              tooltip: 'Kept in the secret storage; click not to',
            },
          };
          let remember = false;
          input.title = title;
          input.password = true;
          input.ignoreFocusOut = true;
          input.buttons = [buttons.forget];
          if (wrong !== undefined) input.validationMessage = wrong;
          input.onDidChangeValue(() => {
            input.validationMessage = undefined;
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
