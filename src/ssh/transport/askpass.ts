import { randomBytes } from 'node:crypto';
import { chmodSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { type Disposable, onDispose } from '../../base/dispose';
import { passwordKey } from '../auth/auth';
import type { Prompter, SecretAnswer } from '../auth/prompter';
import type { LoginAnswers } from '../auth/loginAnswers';
import type { HostConfig } from '../config/hostConfig';

/** Environment for an `ssh` program that asks our prompter instead of a terminal (ssh(1), SSH_ASKPASS). */
export interface Askpass extends Disposable {
  readonly env: Readonly<Record<string, string>>;
  /** To be called once `ssh` is let in: what was answered is kept for the session. */
  succeeded(): Promise<void>;
}

/** What the askpass program sends: the token, the question, and the process that asked. */
interface AskedQuestion {
  readonly token: string;
  readonly question: string;
  /** Of the `ssh` that asks. */
  readonly pid: number;
}

/** Longer than any question that a person would read. */
const LONGEST_QUESTION = 64 << 10;

/** Whose questions they are, and who answers. */
export interface AskpassOptions {
  readonly config: HostConfig;
  readonly prompter: Prompter;
  readonly secrets: LoginAnswers;
  /**
   * `ssh` shows what a host asks as `(user@host) question` (OpenSSH 8.5), so that a host's words cannot pass for the
   * program's own.
   */
  readonly marksHostQuestions: boolean;
  /** The `ssh` that talks to the host itself; any other one talks to a hop. */
  readonly masterPid: () => number | undefined;
}

/** Serves the questions of `ssh` in a private folder, until disposed. */
export async function serveAskpass(folder: string, options: AskpassOptions): Promise<Askpass> {
  const answerer = new Answerer(options);
  const token = randomBytes(16).toString('hex');
  const socketPath = join(folder, 'askpass.sock');
  const program = writeProgram(folder, socketPath, token);

  const server = createServer({ allowHalfOpen: true }, (socket) => {
    let text = '';
    socket.setEncoding('utf8');
    socket.on('error', () => {}); // ssh was ended while it asked.
    socket.on('data', (chunk) => {
      text += chunk;
      if (text.length > LONGEST_QUESTION) socket.destroy();
    });
    socket.on('end', () => void answer(socket, text, token, answerer));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socketPath, resolve);
  });
  const closed = onDispose(() => server.close());
  return {
    // Whatever ssh starts (ProxyCommand, LocalCommand) inherits these two, and the ssh of a hop needs them.
    env: { SSH_ASKPASS: program, SSH_ASKPASS_REQUIRE: 'force' },
    succeeded: () => answerer.succeeded(),
    dispose: () => closed.dispose(),
  };
}

async function answer(socket: Socket, text: string, token: string, answerer: Answerer): Promise<void> {
  let given: string | undefined;
  try {
    const asked = JSON.parse(text) as AskedQuestion;
    if (asked.token === token) given = await answerer.ask(asked.question, asked.pid);
  } catch {
    // Not our program's question, or a question that could not be put: no answer.
  }
  socket.end(given === undefined ? '-' : `+${given}`);
}

/**
 * Writes the program that `ssh` runs, and returns its path: it sends the question, prints the answer, and ends with 1 if
 * there is none. What it needs to know stands in files that only this user can read, not in the environment.
 */
function writeProgram(folder: string, socketPath: string, token: string): string {
  const script = join(folder, 'askpass.js');
  writeFileSync(script, askpassSource(socketPath, token), { mode: 0o600 });
  const program = join(folder, 'askpass');
  const word = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  // ELECTRON_RUN_AS_NODE: the editor's own program then runs as plain Node.
  const launcher = `ELECTRON_RUN_AS_NODE=1 exec ${word(process.execPath)} ${word(script)} "$1"`;
  writeFileSync(program, `#!/bin/sh\n${launcher}\n`, { mode: 0o700 });
  chmodSync(program, 0o700);
  return program;
}

function askpassSource(socketPath: string, token: string): string {
  return `
const socket = require('net').connect(${JSON.stringify(socketPath)});
let answer = '';
socket.setEncoding('utf8').on('data', (text) => { answer += text; });
socket.on('error', () => process.exit(1));
socket.on('end', () => {
  if (!answer.startsWith('+')) process.exit(1);
  process.stdout.write(answer.slice(1) + '\\n');
});
const question = process.argv[2] || '';
socket.end(JSON.stringify({ token: ${JSON.stringify(token)}, question, pid: process.ppid }));
`;
}

/** Answers one `ssh` and those of its hops, from what the session knows or by asking. */
class Answerer {
  private readonly given = new Map<string, SecretAnswer>();

  constructor(private readonly options: AskpassOptions) {}

  /**
   * Sorts a question of OpenSSH by its wording, which is the same in every version since 2010. What the session knows
   * is given only for this very connection: to the host itself for its own account, to a hop for the account it names.
   */
  async ask(question: string, pid: number): Promise<string | undefined> {
    const { prompter, config, marksHostQuestions } = this.options;
    const host = config.alias;
    // A host's own words may say anything where ssh does not mark them.
    const [, keyFile] = /^Enter passphrase for (?:key )?'?([^']+?)'?: ?$/.exec(question) ?? [];
    if (keyFile !== undefined && marksHostQuestions)
      return this.secret(`passphrase ${keyFile}`, (wrong) => prompter.passphrase({ keyFile, wrong }));
    const [, keyType, fingerprint] =
      /^The authenticity of host [\s\S]*?(\S+) key fingerprint is (SHA256:\S+?)\.?\s/.exec(question) ?? [];
    if (keyType !== undefined && fingerprint !== undefined) {
      return (await prompter.confirmHostKey({ host, keyType, fingerprint, otherTypes: [] })) ? 'yes' : 'no';
    }
    const [, user, address] = /^(\S+)@(\S+)'s password: ?$/.exec(question) ?? [];
    const key = user === undefined || address === undefined ? undefined : this.keyOf(user, address, pid);
    if (user !== undefined && key !== undefined) {
      return this.secret(key, (wrong) =>
        prompter.password({ user, host: this.isHost(pid) ? host : (address ?? host), wrong }),
      );
    }
    // A host that leaves passwords to PAM asks for them itself, and ssh says for whom.
    const [, asker, place] = /^\((\S+)@(\S+)\) [^:]*password[^:]*:\s*$/i.exec(question) ?? [];
    const own = asker === undefined || place === undefined ? undefined : this.keyOf(asker, place, pid);
    if (own !== undefined && this.isHost(pid))
      return this.secret(own, (wrong) => prompter.password({ user: config.user, host, wrong }));
    const prompts = [{ text: question, echo: false }];
    const answers = await prompter.keyboardInteractive({ host, name: '', instructions: '', prompts });
    return answers?.[0];
  }

  async succeeded(): Promise<void> {
    for (const [key, { secret, remember }] of this.given)
      await this.options.secrets.accept(key, secret, remember);
  }

  /** The key under which a password is kept; undefined if the question is about another account than the one of this login. */
  private keyOf(user: string, address: string, pid: number): string | undefined {
    const { config } = this.options;
    if (!this.isHost(pid)) return `${passwordKey(config)} hop ${user}@${address}`;
    const names = [config.alias, config.hostName, config.hostKeyAlias].map((name) => name?.toLowerCase());
    const isAsked = user === config.user.slice(0, 30) && names.includes(address.toLowerCase());
    return isAsked ? passwordKey(config) : undefined;
  }

  /** Whether the host itself asks, and no hop on the way. Without hops nobody else can. */
  private isHost(pid: number): boolean {
    const { config, masterPid } = this.options;
    return pid === masterPid() || (config.proxyJump.length === 0 && config.proxyCommand === undefined);
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
