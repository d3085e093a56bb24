import { fitJson } from '../base/fitToShow';
import { bytesOf } from '../protocol/names';
import type { Change } from '../client/vfs';
import { clockText, timeMs } from './format';
import { printable } from './text';

/** One line of `watch`: a change of the host, or that the watch is in force. */
export type WatchEvent = Omit<Change, 'kind'> & { readonly kind: Change['kind'] | 'ready' };

/**
 * An event as one line of JSON. Every key is always there; `to` is null but for a rename, `time` is in milliseconds
 * since the epoch on the host's clock. A path that is no UTF-8 stands in its reversible text form, with its bytes
 * beside it in base64.
 */
export function jsonLine(event: WatchEvent, superblock: string): string {
  const { kind, path, to, isDirectory, seq, timeNs } = event;
  const pathBytes = bytesIfNeeded(path);
  const toBytes = to === undefined ? undefined : bytesIfNeeded(to);
  return `${fitJson({
    event: kind,
    path,
    to: to ?? null,
    isDir: isDirectory,
    superblock,
    seq: Number(seq),
    time: timeMs(timeNs),
    ...(pathBytes !== undefined && { pathBytes }),
    ...(toBytes !== undefined && { toBytes }),
  })}\n`;
}

function bytesIfNeeded(path: string): string | undefined {
  const bytes = bytesOf(path);
  return bytes.toString('utf8') === path ? undefined : bytes.toString('base64');
}

/** An event as one line for people, with the time of day here at which it happened. */
export function textLine({ kind, path, to, isDirectory, timeNs }: WatchEvent): string {
  const shown = (name: string) => printable(isDirectory && name !== '/' ? `${name}/` : name);
  return `${clockText(timeNs)}  ${kind.padEnd(8)} ${shown(path)}${to === undefined ? '' : ` -> ${shown(to)}`}\n`;
}
