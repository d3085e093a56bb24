import { randomBytes } from 'node:crypto';
import { chmodSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type Disposable, onDispose } from '../../base/dispose';
import type { Prompter, SecretAnswer } from '../auth/prompter';
import type { SessionSecrets } from '../auth/secrets';

/** Environment for an `ssh` program that asks our prompter instead of a terminal (ssh(1), SSH_ASKPASS). */
export interface Askpass extends Disposable {
  readonly env: Readonly<Record<string, string>>;
  /** To be called once `ssh` is let in: what was answered is kept for the session. */
  succeeded(): Promise<void>;
}

/** Reads the question from its argument, sends it with the token, prints the answer; ends with 1 if there is none. */
const ASKPASS_JS = `
const socket = require('net').connect(process.env.LIVEMOUNT_ASKPASS_SOCKET);
let answer = '';
socket.setEncoding('utf8').on('data', (text) => { answer += text; });
socket.on('error', () => process.exit(1));
socket.on('end', () => {
  if (!answer.startsWith('+')) process.exit(1);
  process.stdout.write(answer.slice(1) + '\\n');
});
socket.end(JSON.stringify([process.env.LIVEMOUNT_ASKPASS_TOKEN, process.argv[2] || '']));
`;

/** Whose questions they are, and who answers. */
export interface AskpassOptions {
  /** As the user named the host. */
  readonly host: string;
  readonly prompter: Prompter;
  readonly secrets: SessionSecrets;
}

/** Serves the questions of `ssh` in a private folder, until disposed. */
export async function serveAskpass(folder: string, options: AskpassOptions): Promise<Askpass> {
  const answerer = new Answerer(options);
  const token = randomBytes(16).toString('hex');
  const socketPath = join(folder, 'askpass.sock');
  const script = join(folder, 'askpass.js');
  const program = join(folder, 'askpass');
  writeFileSync(script, ASKPASS_JS, { mode: 0o600 });
  writeFileSync(program, '#!/bin/sh\nexec "$LIVEMOUNT_ASKPASS_NODE" "$LIVEMOUNT_ASKPASS_SCRIPT" "$1"\n');
  chmodSync(program, 0o700);

  const server = createServer({ allowHalfOpen: true }, (socket) => {
    let text = '';
    socket.setEncoding('utf8');
    socket.on('error', () => {}); // ssh was ended while it asked.
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('end', () => {
      const [theirToken, question] = JSON.parse(text) as [string, string];
      const answered = theirToken === token ? answerer.ask(question) : Promise.resolve(undefined);
      answered.then(
        (answer) => socket.end(answer === undefined ? '-' : `+${answer}`),
        () => socket.end('-'),
      );
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socketPath, resolve);
  });
  const closed = onDispose(() => server.close());
  return {
    env: {
      SSH_ASKPASS: program,
      SSH_ASKPASS_REQUIRE: 'force',
      LIVEMOUNT_ASKPASS_NODE: process.execPath,
      LIVEMOUNT_ASKPASS_SCRIPT: script,
      LIVEMOUNT_ASKPASS_SOCKET: socketPath,
      LIVEMOUNT_ASKPASS_TOKEN: token,
      // The editor's own program then runs as plain Node.
      ELECTRON_RUN_AS_NODE: '1',
    },
    succeeded: () => answerer.succeeded(),
    dispose: () => closed.dispose(),
  };
}

/** Answers one `ssh`, from what the session knows or by asking. */
class Answerer {
  private readonly given = new Map<string, SecretAnswer>();

  constructor(private readonly options: AskpassOptions) {}

  /** Sorts a question of OpenSSH by its wording, which is the same in every version since 2010. */
  async ask(question: string): Promise<string | undefined> {
    const { host, prompter } = this.options;
    const [, keyFile] = /^Enter passphrase for (?:key )?'?([^':]+)'?/.exec(question) ?? [];
    if (keyFile !== undefined) {
      return this.secret(`passphrase ${keyFile}`, (wrong) => prompter.passphrase({ keyFile, wrong }));
    }
    const [, keyType, fingerprint] = /(\S+) key fingerprint is (SHA256:\S+?)\.?\s/.exec(question) ?? [];
    if (keyType !== undefined && fingerprint !== undefined) {
      return (await prompter.confirmHostKey({ host, keyType, fingerprint, otherTypes: [] })) ? 'yes' : 'no';
    }
    const [, user, address] = /^(\S+)@(\S+)'s password:/.exec(question) ?? [];
    if (user !== undefined) {
      return this.secret(`password ${user}@${address}`, (wrong) => prompter.password({ user, host, wrong }));
    }
    const prompts = [{ text: question, echo: false }];
    const answers = await prompter.keyboardInteractive({ host, name: '', instructions: '', prompts });
    return answers?.[0];
  }

  async succeeded(): Promise<void> {
    for (const [key, { secret, remember }] of this.given)
      await this.options.secrets.accept(key, secret, remember);
  }

  private async secret(
    key: string,
    prompt: (wrong: boolean) => Promise<SecretAnswer | undefined>,
  ): Promise<string | undefined> {
    const { secrets } = this.options;
    // Asked for again: what was given did not fit.
    const wrong = this.given.has(key);
    if (wrong) await secrets.reject(key);
    const known = wrong ? undefined : await secrets.get(key);
    const answer = known === undefined ? await prompt(wrong) : { secret: known, remember: false };
    if (answer !== undefined) this.given.set(key, answer);
    return answer?.secret;
  }
}
