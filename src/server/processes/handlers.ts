import { ErrnoError } from '../../protocol/errno';
import { Feature } from '../../protocol/livemount';
import type { Handlers, ClientState } from '../connection/handler';
import type { ProcessService } from './processService';
import type { SessionProcesses } from './sessionProcesses';

/** The operations on processes. ENOSYS for a client that has not agreed on them. */
export function processHandlers(service: ProcessService): Handlers {
  const of = (session: ClientState): SessionProcesses => {
    if (session.processes === undefined || !(session.agreement.features & Feature.PROCESS))
      throw new ErrnoError('ENOSYS', 'processes');
    return session.processes;
  };
  return {
    PROCESS_START(session, request, context) {
      const [cwd = NOTHING] = request.names;
      return service.start(of(session), request.in, cwd, request.data, context.signal);
    },
    PROCESS_WRITE: (session, request) => ({
      offset: of(session).get(request.in.id).write(request.in, request.data),
    }),
    PROCESS_CREDIT: (session, request) => of(session).find(request.in.id)?.credit(request.in) as undefined,
    PROCESS_RESIZE(session, { in: { id, cols, rows } }) {
      of(session).get(id).resize(cols, rows);
      return undefined;
    },
    PROCESS_SIGNAL(session, { in: { id, signal } }) {
      of(session).get(id).signal(signal);
      return undefined;
    },
    PROCESS_RELEASE(session, { in: { id } }) {
      service.release(of(session), id);
      return undefined;
    },
    PROCESS_ADOPT: (session, request) => service.adopt(of(session), request.in),
    PROCESS_ANSWER(session, { in: { id, request, status }, data }) {
      if (!of(session).get(id).answer(request, status, data.toString('utf8')))
        throw new ErrnoError('ENOENT', 'whoever asked is gone');
      return undefined;
    },
    async PROCESS_PORTS(session) {
      of(session);
      return Buffer.from(JSON.stringify(await service.ports()));
    },
  };
}

const NOTHING = Buffer.alloc(0);
