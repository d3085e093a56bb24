import { ErrnoError, type ErrnoName } from '../protocol/errno';

/** What kept us from a working connection, so that a caller can offer the way out. */
export type ConnectFailure =
  /** The target or the SSH configuration cannot be used. */
  | 'configuration'
  /** No TCP connection, or one that was lost while connecting. */
  | 'unreachable'
  | 'timeout'
  /** The host's key is not known and was not accepted. */
  | 'host-key-unknown'
  /** The host shows another key than the one on record. */
  | 'host-key-changed'
  | 'host-key-revoked'
  | 'authentication'
  /** The user closed a prompt. */
  | 'cancelled'
  /** The server does not allow this channel (forwarding, exec or sftp). */
  | 'forbidden'
  /** The host has no runtime that can run the agent. */
  | 'no-runtime'
  /** The agent could not be stored or started on the host. */
  | 'agent'
  /** An established connection ended. */
  | 'dropped';

const errnoOfFailure: Readonly<Record<ConnectFailure, ErrnoName>> = {
  configuration: 'EINVAL',
  unreachable: 'EHOSTUNREACH',
  timeout: 'ETIMEDOUT',
  'host-key-unknown': 'EACCES',
  'host-key-changed': 'EACCES',
  'host-key-revoked': 'EACCES',
  authentication: 'EACCES',
  cancelled: 'ECANCELED',
  forbidden: 'EOPNOTSUPP',
  'no-runtime': 'EOPNOTSUPP',
  agent: 'EIO',
  dropped: 'ENOTCONN',
};

/** An error of reaching a host or starting the agent there: a sentence that says what happened and what to do. */
export class ConnectError extends ErrnoError {
  readonly failure: ConnectFailure;
  /** The built-in client cannot do what this host needs, while OpenSSH may. */
  readonly needsOpenSsh: boolean;

  constructor(
    failure: ConnectFailure,
    message: string,
    options: ErrorOptions & { readonly needsOpenSsh?: boolean } = {},
  ) {
    super(errnoOfFailure[failure], message, options);
    this.name = 'ConnectError';
    this.failure = failure;
    this.needsOpenSsh = options.needsOpenSsh ?? false;
  }

  /** Whether trying again later can help without the user doing anything. */
  get isTransient(): boolean {
    return !PERMANENT.has(this.failure);
  }
}

/** The way out where only OpenSSH knows how: the editor's setting, the command line's option. */
export const USE_SYSTEM_SSH =
  'set the transport to the system ssh program (the setting livemount.transport, or --transport system)';

/** What stays as it is until somebody acts. Anything else may be a consequence of the link that just dropped. */
const PERMANENT: ReadonlySet<ConnectFailure> = new Set([
  'configuration',
  'host-key-unknown',
  'host-key-changed',
  'host-key-revoked',
  'authentication',
  'cancelled',
]);
