import { parseArgs } from 'node:util';
import { messageOf } from '../base/errors';
import { ErrnoError } from '../protocol/errno';
import type { ForcedBackend } from './watch/hostBackends';
import { VALIDITY_S, type Validity } from '../server/ops/attributes';

export interface ServeOptions {
  /** Absolute path of the served tree's root. */
  readonly root: string;
  /** How long a plain FUSE client may believe what it was told. */
  readonly cache: Validity;
  /** Watches with this backend only, where it can; undefined: the best each superblock allows. */
  readonly backend: ForcedBackend;
  /** Says `MARKER ready {}` in a line before the first frame. */
  readonly marker: string | undefined;
}

export const SERVE_USAGE = 'agent.js serve --stdio --root DIR [--cache none|auto|always] [--backend NAME]';

/** Reads the arguments behind `agent.js serve`. EINVAL, with the usage, for what is missing or unknown. */
export function parseServeOptions(args: readonly string[]): ServeOptions {
  const { values } = parsed(args);
  if (!values.stdio || !values.root) throw new ErrnoError('EINVAL', `usage: ${SERVE_USAGE}`);
  const cache = values.cache ?? 'auto';
  if (!(cache in VALIDITY_S))
    throw new ErrnoError('EINVAL', `--cache ${cache} is none of none, auto, always`);
  const { root, marker } = values;
  return { root, cache: cache as Validity, backend: parseBackend(values.backend), marker };
}

const FORCED = ['fanotify', 'inotify', 'poll', 'none'] as const;

/** A backend to use for everything, or undefined for none given. EINVAL for an unknown one. */
export function parseBackend(name: string | undefined): ForcedBackend {
  if (name === undefined || name === '') return undefined;
  const backend = FORCED.find((known) => known === name);
  if (backend === undefined)
    throw new ErrnoError('EINVAL', `backend ${name} is none of ${FORCED.join(', ')}`);
  return backend;
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        stdio: { type: 'boolean' },
        root: { type: 'string' },
        cache: { type: 'string' },
        backend: { type: 'string' },
        marker: { type: 'string' },
      },
      strict: true,
    });
  } catch (error) {
    throw new ErrnoError('EINVAL', `${messageOf(error)}; usage: ${SERVE_USAGE}`);
  }
}
