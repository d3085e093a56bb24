import { join } from 'node:path';
import { type Disposable, DisposableStore, onDispose } from '../../base/dispose';
import { messageOf } from '../../base/errors';
import type {
  HostProcess,
  ListeningPort,
  ProcessAsk,
  ProcessHost,
  ProcessSpec,
} from '../../server/processes/processHost';
import { FORWARDED_AGENT } from '../../protocol/forwardedAgent';
import { LmSocket } from '../lm/lmSocket';
import { SOCKET_VARIABLE, TERMINAL_VARIABLE } from '../lm/messages';
import { launchOf, type Login, type MarkedShell } from '../../server/processes/launch';

import { AgentRelay } from './agentRelay';
import { listeningPorts } from './ports';
import { LoginEnvironment } from './loginEnvironment';
import { startProcess } from './posixProcess';
import { ShellFolder } from './shellFolder';

/** What a client sets to have its own SSH agent used. */
const FORWARDED = `SSH_AUTH_SOCK=${FORWARDED_AGENT}`;
/** Startup files that take longer are read by each program's own login, in ms. */
const LOGIN_MS = 5000;
/** sockaddr_un.sun_path has 108 bytes with the final NUL (unix(7)). */
const SOCKET_PATH_LIMIT = 107;

export interface PosixProcessOptions {
  /** Of the login that the agent was started from. */
  readonly umask: number;
  /** Asked each time: the user's shell may become another one. */
  readonly login: () => Login;
  /** A folder for what terminals need; undefined: they do without. */
  readonly folder?: string | undefined;
  /** What runs `lm`, word by word. */
  readonly lmCommand?: readonly string[];
  readonly log: (message: string) => void;
}

/** Starts processes on this host, as the user whose agent this is. */
export class PosixProcessHost implements ProcessHost, Disposable {
  private readonly owned = new DisposableStore();
  private relays = 0;
  private readonly environment = new LoginEnvironment((login, program, most) =>
    this.printedBy(login, program, most),
  );
  private asked: ((ask: ProcessAsk) => (() => void) | undefined) | undefined;
  private terminals: { readonly shells: ShellFolder; readonly socket: LmSocket } | undefined;

  constructor(private readonly options: PosixProcessOptions) {}

  async start(spec: ProcessSpec, token: string, signal: AbortSignal | undefined): Promise<HostProcess> {
    const login = this.options.login();
    const marked = spec.marks && spec.terminal !== undefined ? await this.marked(login, token) : undefined;
    const asking = spec.asks ? await this.asking(token) : undefined;
    const isProgram = !spec.shell && spec.terminal === undefined;
    const read = isProgram ? await this.environment.forProgram(login) : undefined;
    const wanted = spec.env.filter((variable) => variable.toString('latin1') !== FORWARDED);
    if (wanted.length === spec.env.length || !asking) {
      return startProcess(
        launchOf({ ...spec, env: wanted }, login, this.options.umask, marked ?? asking, read),
        spec.terminal,
        signal,
      );
    }
    const relay = await this.relay(token);
    try {
      const env = { ...asking.env, SSH_AUTH_SOCK: relay.path };
      const launch = launchOf({ ...spec, env: wanted }, login, this.options.umask, { ...asking, env }, read);
      const process = await startProcess(launch, spec.terminal, signal);
      void process.exit.then(() => relay.dispose());
      return process;
    } catch (error) {
      relay.dispose();
      throw error;
    }
  }

  /** A socket of its own for a process that may use the client's SSH agent. */
  private async relay(token: string): Promise<AgentRelay> {
    const { folder, lmCommand = [] } = this.options;
    if (folder === undefined) throw new Error('there is no folder for sockets');
    this.inFolder(folder, lmCommand);
    const relay = new AgentRelay(join(folder, `k${this.relays++}`), token, (ask) => this.asked?.(ask));
    await relay.listen();
    return relay;
  }

  async ports(): Promise<readonly ListeningPort[]> {
    return listeningPorts();
  }

  onAsk(listener: (ask: ProcessAsk) => (() => void) | undefined): void {
    this.asked = listener;
  }

  dispose(): void {
    this.owned.dispose();
  }

  /** What a program prints in a login of its own; undefined when it fails, prints more, or takes too long. */
  private async printedBy(
    login: Login,
    program: readonly string[],
    most: number,
  ): Promise<Buffer | undefined> {
    const spec: ProcessSpec = {
      shell: false,
      marks: false,
      asks: false,
      args: program.map((word) => Buffer.from(word)),
      cwd: Buffer.alloc(0),
      env: [],
      terminal: undefined,
    };
    const host = await startProcess(launchOf(spec, login, this.options.umask), undefined, undefined);
    const chunks: Buffer[] = [];
    let length = 0;
    try {
      host.input.end();
      return await new Promise((resolve) => {
        const timer = setTimeout(() => resolve(undefined), LOGIN_MS);
        const [output, errors] = host.outputs;
        errors?.on('data', (chunk: Buffer) => errors.reuse?.(chunk)).resume();
        output?.on('data', (chunk: Buffer) => {
          // Kept chunks are not given back.
          chunks.push(chunk);
          length += chunk.length;
          if (length > most) resolve(undefined);
        });
        output?.once('close', () => {
          void host.exit.then(({ code, signal }) => {
            clearTimeout(timer);
            resolve(code === 0 && signal === 0 ? Buffer.concat(chunks) : undefined);
          });
        });
        output?.resume();
      });
    } finally {
      host.end().catch((error: unknown) => this.options.log(`a login that was read: ${messageOf(error)}`));
    }
  }

  /** What a terminal of a window has besides. Without a folder, or room in it, it is a plain one. */
  private marked(login: Login, token: string): Promise<MarkedShell | undefined> {
    return this.equipped('terminals without lm', token, (shells) => {
      const { args, env } = shells.integrate(login.shell, login.env);
      const editor = `${shells.lm} --wait`;
      return { args, env: { ...env, EDITOR: editor, GIT_EDITOR: editor } };
    });
  }

  /** What lets git and ssh ask the window. Without a folder they are not let: they fail where they would ask. */
  private asking(token: string): Promise<MarkedShell | undefined> {
    return this.equipped('programs without askpass', token, (shells) => ({
      args: undefined,
      env: {
        GIT_ASKPASS: shells.askpass('git'),
        SSH_ASKPASS: shells.askpass('ssh'),
        SSH_ASKPASS_REQUIRE: 'force',
        // OpenSSH before 8.4 asks so only where it believes in a display.
        DISPLAY: ':livemount',
      },
    }));
  }

  /** Adds the way to the window's socket. Undefined where there is no folder for it; that it failed is logged. */
  private async equipped(
    failed: string,
    token: string,
    equip: (shells: ShellFolder) => MarkedShell,
  ): Promise<MarkedShell | undefined> {
    const { folder, lmCommand = [], log } = this.options;
    if (folder === undefined) return undefined;
    try {
      const { shells, socket } = this.inFolder(folder, lmCommand);
      shells.prepare();
      await socket.prepare();
      const { args, env } = equip(shells);
      return { args, env: { ...env, [SOCKET_VARIABLE]: socket.path, [TERMINAL_VARIABLE]: token } };
    } catch (error) {
      log(`${failed}: ${messageOf(error)}`);
      return undefined;
    }
  }

  private inFolder(folder: string, lmCommand: readonly string[]) {
    if (this.terminals !== undefined) return this.terminals;
    const path = join(folder, 'lm');
    if (Buffer.byteLength(path) > SOCKET_PATH_LIMIT) throw new Error(`${path} is too long for a socket`);
    const shells = new ShellFolder(folder, lmCommand);
    const socket = new LmSocket(path, (ask) => this.asked?.(ask));
    this.owned.add(onDispose(() => shells.remove()));
    this.owned.add(socket);
    this.terminals = { shells, socket };
    return this.terminals;
  }
}
