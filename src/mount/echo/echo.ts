import type { Disposable } from '../../base/dispose';
import { NotifyInvalInodeOut } from '../../protocol/fuse';
import { Notify, type OutOf } from '../../protocol/opcodes';
import type { Call } from '../call';
import type { Mount } from '../mount';
import type { Node } from '../nodes';

/** Repeats on the mount what the host told, so that the kernel makes the local events of it. */
export class Echo implements Disposable {
  constructor(private readonly mount: Mount) {}

  start(_device: number): void {}

  /** The request is the echo thread's own: the host has nothing to do with it. */
  isEcho(call: Call | undefined): boolean {
    const { echoThread } = this.mount.device;
    return call !== undefined && echoThread !== 0 && call.header.pid === echoThread;
  }

  lookup(_call: Call, _parent: Node, _key: string): OutOf<'LOOKUP'> | undefined {
    return undefined;
  }

  takes(_call: Call, _parent: Node, _key: string): boolean {
    return false;
  }

  made(_call: Call, _parent: Node, _key: string): OutOf<'LOOKUP'> | undefined {
    return undefined;
  }

  attributes(_call: Call, _node: Node): OutOf<'SETATTR'> | undefined {
    return undefined;
  }

  ownName(_parent: Node, _key: string, _node: Node | undefined): void {}

  dropPages(node: Node): void {
    this.mount.device.notify(
      Notify.INVAL_INODE,
      NotifyInvalInodeOut.encode({ ino: node.id, off: 0n, len: 0n }),
    );
  }

  dispose(): void {}
}
