import { randomBytes } from 'node:crypto';
import { type Fh, type NodeId, ROOT_ID } from '../../src/protocol/brand';
import {
  CREATE_STAGED,
  Feature,
  REPLACE_EXPECT,
  REPLACE_EXPECT_ABSENT,
  type Version,
} from '../../src/protocol/livemount';
import { NEWEST, type Request } from '../../src/protocol/message';
import { type InOf, type OpName, type OutOf, ops } from '../../src/protocol/opcodes';
import { DirtyList } from '../../src/server/host/dirtyList';
import { LockTable } from '../../src/server/host/lockTable';
import { HandleTable } from '../../src/server/host/handleTable';
import type { Handler, ClientState } from '../../src/server/connection/handler';
import type { HostFs, OperationContext } from '../../src/server/host/hostFs';
import { InodeTable } from '../../src/server/host/inodeTable';
import { fuseHandlers } from '../../src/server/ops';
import { ReadBuffer } from '../../src/server/ops/readBuffer';
import { flush } from '../../src/server/save/flush';
import type { SaveOptions } from '../../src/server/save/options';
import { Saves } from '../../src/server/save/saves';
import type { TrashOptions } from '../../src/server/trees/trash';

/** Options of saves in a process of its own, as far as notes are concerned. */
export function optionsFor(folders: Partial<SaveOptions> = {}): SaveOptions {
  return {
    runFolder: undefined,
    stateFolder: undefined,
    uid: process.getuid?.(),
    owner: `test-${randomBytes(6).toString('hex')}`,
    isAlive: () => false,
    umask: 0o022,
    random: randomBytes,
    now: () => 0n,
    log: () => undefined,
    ...folders,
  };
}

const NO_TRASH: TrashOptions = { homeTrash: undefined, uid: process.getuid?.() ?? 0, now: () => new Date() };

/** How a client saves. */
export interface SaveRequest {
  readonly expect?: Version;
  readonly absent?: boolean;
  readonly flags?: number;
  readonly mode?: number;
  /** Bytes of one WRITE. */
  readonly chunk?: number;
  /** Between the last WRITE and REPLACE. */
  readonly beforeReplace?: () => void | Promise<void>;
}

/** One client of the server core, without a wire between them: it calls the operations one after another. */
export class SaveClient {
  readonly session: ClientState;
  readonly progress: { done: number; total: number }[] = [];

  constructor(
    host: HostFs,
    root: string,
    readonly saves: Saves = new Saves(host, optionsFor(), NO_TRASH),
  ) {
    const inodes = new InodeTable(Buffer.from(root), host);
    const handles = new HandleTable();
    const session: ClientState = {
      agreement: {
        dialect: NEWEST,
        flags: 0n,
        features: Feature.REPLACE | Feature.TREE,
        maxWrite: 1 << 20,
        maxFrame: 8 << 20,
      },
      host,
      inodes,
      handles,
      locks: new LockTable(),
      readBuffer: new ReadBuffer(),
      dirty: new DirtyList(inodes, true, (sb, nodes) => flush(session, sb, nodes)),
      asCaller: false,
      umask: 0o022,
      validity: 0n,
      announcesSubmounts: true,
      inodeNumber: (stat) => stat.ino,
      stage: (directory, flags, context) => saves.stage(session, directory, flags, context),
      progress: (_request, done, total) => void this.progress.push({ done, total }),
      notify: () => undefined,
      isBusy: false,
    };
    this.session = session;
  }

  /** Carries one operation out. */
  async do<K extends OpName>(
    op: K,
    nodeid: NodeId,
    fixed: InOf<K>,
    names: readonly (string | Buffer)[] = [],
    data: Buffer = Buffer.alloc(0),
    context: OperationContext = {},
  ): Promise<OutOf<K>> {
    const handlers = { ...fuseHandlers, ...this.saves.saveHandlers, ...this.saves.treeHandlers };
    const handler = handlers[op] as Handler<K>;
    const request = {
      op,
      header: {
        len: 0,
        opcode: ops[op].code,
        unique: 2n,
        nodeid,
        uid: 0,
        gid: 0,
        pid: 0,
        total_extlen: 0,
      },
      in: fixed,
      names: names.map((name) => Buffer.from(name)),
      data,
    } as unknown as Request<K>;
    return handler(this.session, request, context);
  }

  /** The nodeid of a path below the root; '' is the root. */
  async walk(path: string): Promise<NodeId> {
    let at = ROOT_ID;
    for (const name of path.split('/').filter((part) => part !== '')) {
      at = (await this.do('LOOKUP', at, undefined, [name])).nodeid;
    }
    return at;
  }

  /** The version of a file as the client sees it now. */
  async version(path: string): Promise<Version> {
    const { attr } = await this.do('GETATTR', await this.walk(path), { getattr_flags: 0, fh: 0n as Fh });
    const ns = (sec: bigint, nsec: number) => BigInt.asIntN(64, sec) * 1_000_000_000n + BigInt(nsec);
    return {
      ino: attr.ino,
      size: attr.size,
      mtime_ns: ns(attr.mtime, attr.mtimensec),
      ctime_ns: ns(attr.ctime, attr.ctimensec),
    };
  }

  /** TMPFILE and the WRITEs of a save. */
  async stage(directory: NodeId, content: Buffer, chunk = 1 << 20): Promise<Fh> {
    const made = await this.do(
      'TMPFILE',
      directory,
      { flags: 2, mode: 0o600, umask: 0, open_flags: CREATE_STAGED },
      ['x'],
    );
    const { fh } = made.open;
    try {
      for (let at = 0; at < content.length; at += chunk) {
        const part = content.subarray(at, at + chunk);
        const write = {
          fh,
          offset: BigInt(at),
          size: part.length,
          write_flags: 0,
          lock_owner: 0n,
          flags: 0,
        } as InOf<'WRITE'>;
        await this.do('WRITE', made.entry.nodeid, write, [], part);
      }
    } catch (error) {
      await this.release(fh);
      throw error;
    }
    return fh;
  }

  async release(fh: Fh): Promise<void> {
    await this.do('RELEASE', ROOT_ID, { fh, flags: 0, release_flags: 0, lock_owner: 0n } as InOf<'RELEASE'>);
  }

  /** A whole save, as the client composes it; gives back what it holds on failure. */
  async save(path: string, content: Buffer | string, how: SaveRequest = {}): Promise<OutOf<'REPLACE'>> {
    const slash = path.lastIndexOf('/');
    const directory = await this.walk(path.slice(0, Math.max(slash, 0)));
    const fh = await this.stage(directory, Buffer.from(content), how.chunk);
    try {
      await how.beforeReplace?.();
      return await this.replace(directory, path.slice(slash + 1), fh, how);
    } catch (error) {
      await this.release(fh);
      throw error;
    }
  }

  replace(directory: NodeId, name: string, fh: Fh, how: SaveRequest = {}): Promise<OutOf<'REPLACE'>> {
    const expectation = how.expect ? REPLACE_EXPECT : how.absent ? REPLACE_EXPECT_ABSENT : 0;
    const flags = expectation | (how.flags ?? 0);
    const expect = how.expect ?? { ino: 0n, size: 0n, mtime_ns: 0n, ctime_ns: 0n };
    return this.do('REPLACE', directory, { fh, flags, mode: how.mode ?? 0, expect }, [name]);
  }
}
