import type { RemotePath } from '../protocol/paths';
import type { Change } from './vfs';

/** A change as the client itself has it, with its paths in their one spelling. */
export interface PlacedChange extends Change {
  readonly path: RemotePath;
  readonly to?: RemotePath;
}
