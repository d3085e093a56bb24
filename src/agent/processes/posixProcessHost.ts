import type {
  HostProcess,
  ListeningPort,
  ProcessAsk,
  ProcessHost,
  ProcessSpec,
} from '../../server/processes/processHost';
import { launchOf } from './launch';
import type { Login } from './login';
import { listeningPorts } from './ports';
import { startProcess } from './posixProcess';

/** Starts processes on this host, as the user whose agent this is. */
export class PosixProcessHost implements ProcessHost {
  /** @param umask of the login that the agent was started from. */
  constructor(
    private readonly umask: number,
    /** Asked each time: the user's shell may become another one. */
    private readonly login: () => Login,
  ) {}

  async start(spec: ProcessSpec, _token: string, signal: AbortSignal | undefined): Promise<HostProcess> {
    const launch = launchOf(spec, this.login(), this.umask, {});
    return startProcess(launch, spec.terminal, signal);
  }

  async ports(): Promise<readonly ListeningPort[]> {
    return listeningPorts();
  }

  onAsk(_listener: (ask: ProcessAsk) => (() => void) | undefined): void {}
}
