import type { MessagePort } from 'node:worker_threads';

/** Marks the worker's data, so that one bundle can be the program and its worker. */
export const PUMP_ROLE = 'livemount-pump';

/** What the pump's thread starts with. */
export interface PumpStart {
  readonly role: typeof PUMP_ROLE;
  /** An eventfd: readable when there are commands, or when the thread is to end. */
  readonly control: number;
  readonly commands: MessagePort;
  /** Shared words, see PumpWord. */
  readonly words: SharedArrayBuffer;
}

/** Indices of the shared 32-bit words. */
export const PumpWord = {
  /** Not 0: end. */
  STOP: 0,
  /** Bytes posted that the main thread has not taken yet. */
  UNTAKEN: 1,
} as const;

export type PumpCommand =
  | { readonly add: number; readonly fd: number; readonly kind: 'events' | 'priority' }
  | { readonly remove: number }
  /** Read until nothing is there, and say so. */
  | { readonly drain: number };

export type PumpReport =
  /** The thread has loaded everything it will ever need. */
  | { readonly ready: true }
  | { readonly id: number; readonly bytes: Uint8Array }
  /** A descriptor of kind `priority` fired. */
  | { readonly id: number; readonly fired: true }
  /** What was there when `drain` was asked has been reported; one report for each command. */
  | { readonly id: number; readonly drained: true }
  /** Reading failed; the descriptor is not looked at any more. */
  | { readonly id: number; readonly errno: number };
