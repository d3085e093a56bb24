import type { Call } from './call';
import type { Mount } from './mount';
import type { Name, Node } from './nodes';
import { list } from './ops/directories';

/** What is fetched before it is asked for, where that seems worth it. */
export class Ahead {
  private readonly listing = new Map<Node, Promise<void>>();

  constructor(private readonly mount: Mount) {}

  /** Lists a directory; several who ask at once ask the host once. */
  list(node: Node, call: Call | undefined): Promise<void> {
    const present = this.listing.get(node);
    if (present !== undefined) return present;
    const listed = list(this.mount, node, call).finally(() => this.listing.delete(node));
    this.listing.set(node, listed);
    return listed;
  }

  /** A name was looked up on the host. */
  lookedUp(_parent: Node, _name: Name): void {}
}
