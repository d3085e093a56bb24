import { randomBytes } from 'node:crypto';
import { chmodSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type Disposable, onDispose } from '../protocol/dispose';
import type { Prompter } from './prompter';

/** Environment for an `ssh` program that asks our prompter instead of a terminal (ssh(1), SSH_ASKPASS). */
export interface Askpass extends Disposable {
  readonly env: Readonly<Record<string, string>>;
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

/** Serves the questions of `ssh` in a private folder, until disposed. */
export async function serveAskpass(folder: string, host: string, prompter: Prompter): Promise<Askpass> {
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
      const answered = theirToken === token ? ask(prompter, host, question) : Promise.resolve(undefined);
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
    dispose: () => closed.dispose(),
  };
}

/** Sorts a question of OpenSSH by its wording, which is the same in every version since 2010. */
async function ask(prompter: Prompter, host: string, question: string): Promise<string | undefined> {
  const [, keyFile] = /^Enter passphrase for (?:key )?'?([^':]+)'?/.exec(question) ?? [];
  if (keyFile !== undefined) return (await prompter.passphrase({ keyFile, wrong: false }))?.secret;

  const [, keyType, fingerprint] = /(\S+) key fingerprint is (SHA256:\S+?)\.?\s/.exec(question) ?? [];
  if (keyType !== undefined && fingerprint !== undefined) {
    return (await prompter.confirmHostKey({ host, keyType, fingerprint, otherTypes: [] })) ? 'yes' : 'no';
  }
  const [, user] = /^(\S+)@\S+'s password:/.exec(question) ?? [];
  if (user !== undefined) return (await prompter.password({ user, host, wrong: false }))?.secret;

  const prompts = [{ text: question, echo: false }];
  const answers = await prompter.keyboardInteractive({ host, name: '', instructions: '', prompts });
  return answers?.[0];
}
