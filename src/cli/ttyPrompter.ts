import { openSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { ReadStream, WriteStream } from 'node:tty';
import { fitTerminalText } from '../base/fitToShow';
import type {
  HostKeyQuestion,
  InteractiveQuestion,
  PassphraseQuestion,
  PasswordQuestion,
  Prompter,
  SecretAnswer,
} from '../ssh/auth/prompter';

/**
 * Asks on the terminal itself, as ssh does: standard input and output may be a pipe and are left alone. Secrets are
 * not echoed and not remembered. Ctrl-C and Ctrl-D close a question.
 */
export class TtyPrompter implements Prompter {
  async confirmHostKey(question: HostKeyQuestion): Promise<boolean> {
    const { host, address, keyType, fingerprint, otherTypes } = question;
    const where = address === undefined ? '' : ` (${address})`;
    const known =
      otherTypes.length === 0 ? '' : ` Keys of other types are on record: ${otherTypes.join(', ')}.`;
    const asked = `${host}${where} is not known. Its ${keyType} key is ${fingerprint}.${known}\nTrust it from now on (yes/no)? `;
    for (;;) {
      const answer = (await ask(asked, true))?.trim().toLowerCase();
      if (answer === 'yes' || answer === fingerprint.toLowerCase()) return true;
      if (answer === 'no' || answer === undefined) return false;
    }
  }

  passphrase({ keyFile, wrong }: PassphraseQuestion): Promise<SecretAnswer | undefined> {
    return secret(`${wrong ? 'That was not it. ' : ''}Passphrase of ${keyFile}: `);
  }

  password({ user, host, wrong }: PasswordQuestion): Promise<SecretAnswer | undefined> {
    return secret(`${wrong ? 'Permission denied. ' : ''}Password of ${user}@${host}: `);
  }

  async keyboardInteractive(question: InteractiveQuestion): Promise<readonly string[] | undefined> {
    const heading = [question.name, question.instructions].filter((text) => text !== '').join('\n');
    const answers: string[] = [];
    for (const [index, { text, echo }] of question.prompts.entries()) {
      const answer = await ask(`${index === 0 && heading !== '' ? `${heading}\n` : ''}${text}`, echo);
      if (answer === undefined) return undefined;
      answers.push(answer);
    }
    return answers;
  }
}

async function secret(question: string): Promise<SecretAnswer | undefined> {
  const answer = await ask(question, false);
  return answer === undefined ? undefined : { secret: answer, remember: false };
}

/** Whether this process has a terminal. */
export function hasTerminal(): boolean {
  try {
    const { input, output } = openTerminal();
    input.destroy();
    output.destroy();
    return true;
  } catch {
    return false;
  }
}

/** The files that stand for the terminal of a process, and how they are opened. */
export interface TerminalFiles {
  readonly input: string;
  readonly output: string;
  readonly inputFlags: string;
  readonly outputFlags: string;
}

/** Windows has a console with two files, of which each has to be opened for both directions. */
export function terminalFiles(platform: NodeJS.Platform = process.platform): TerminalFiles {
  if (platform === 'win32') {
    return { input: '\\\\.\\CONIN$', output: '\\\\.\\CONOUT$', inputFlags: 'r+', outputFlags: 'r+' };
  }
  return { input: '/dev/tty', output: '/dev/tty', inputFlags: 'r', outputFlags: 'w' };
}

function openTerminal(): { input: ReadStream; output: WriteStream } {
  const files = terminalFiles();
  return {
    input: new ReadStream(openSync(files.input, files.inputFlags)),
    output: new WriteStream(openSync(files.output, files.outputFlags)),
  };
}

/** One line from the terminal; nothing if the question was closed. */
function ask(question: string, echo: boolean): Promise<string | undefined> {
  const { input, output } = openTerminal();
  const silence = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input, output: echo ? output : silence, terminal: true });
  // Only now, when the terminal does not echo any more: who is quick types before the question is read.
  // And what a host sends as a prompt must not steer the terminal.
  output.write(fitTerminalText(question));
  return new Promise((resolve) => {
    let answer: string | undefined;
    lines.once('line', (line) => {
      answer = line;
      lines.close();
    });
    lines.once('SIGINT', () => lines.close());
    lines.once('close', () => {
      if (!echo || answer === undefined) output.write('\n');
      input.destroy();
      output.end(() => resolve(answer));
    });
  });
}

/** A question to be answered with yes or no; closing it is a no. */
export async function confirmOnTerminal(question: string): Promise<boolean> {
  for (;;) {
    const answer = (await ask(`${question} (yes/no)? `, true))?.trim().toLowerCase();
    if (answer === 'yes' || answer === 'y') return true;
    if (answer === 'no' || answer === 'n' || answer === undefined) return false;
  }
}
