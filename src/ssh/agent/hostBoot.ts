/** What `hostBoot` is told; it travels inside the command. Hashes are SHA-256 in hex. */
export interface HostBootConfig {
  /** Starts every line that is meant for the client; random, so that no login script prints it. */
  readonly marker: string;
  readonly agentHash: string;
  /** Hashes of the native module by `platform-arch-libc`. */
  readonly nativeHashes: Readonly<Record<string, string>>;
  /** What the agent is to do: attach to the user's daemon, or become a server of root's for as long as the channel lives. */
  readonly command: 'connect' | 'as-root';
  /** More arguments for it. */
  readonly args: readonly string[];
}

/** What the host says about itself with its first line, `MARKER need {json}`. */
export interface HostNeeds {
  readonly node: string;
  /** `platform-arch-libc`, e.g. `linux-x64-glibc`; the libc is that of the runtime. */
  readonly kind: string;
  /** Parts to send, in this order. */
  readonly parts: readonly ('agent' | 'native')[];
}

/** Why the agent could not be stored, `MARKER failed {json}`. */
export interface HostRefusal {
  /** Each folder that was tried, and what stood against it. */
  readonly tried: readonly { readonly folder: string; readonly code: string; readonly message: string }[];
}

/**
 * Runs on the host, inside `node -e`: finds the agent in the cache by hash or takes it from standard input, then
 * becomes the agent's command. Sent as its own source text, so it uses nothing but its arguments, and only what
 * Node 18 has.
 *
 * Input is read with read(2) and exact counts: what follows the parts belongs to the agent and stays in the pipe.
 * Each part comes as a line with its length in bytes and then that many bytes of gzip.
 */
export function hostBoot(require: NodeJS.Require, process: NodeJS.Process, config: HostBootConfig): void {
  const fs = require('node:fs') as typeof import('node:fs');
  const path = require('node:path') as typeof import('node:path');
  const crypto = require('node:crypto') as typeof import('node:crypto');
  const zlib = require('node:zlib') as typeof import('node:zlib');
  const { env } = process;
  const uid = process.getuid?.() ?? 0;
  const sha256 = (bytes: Buffer | string) => crypto.createHash('sha256').update(bytes).digest('hex');
  const say = (verb: string, body: object) =>
    fs.writeSync(1, `${config.marker} ${verb} ${JSON.stringify(body)}\n`);

  const readExactly = (length: number): Buffer => {
    const bytes = Buffer.alloc(length);
    for (let at = 0; at < length; ) {
      let count = 0;
      try {
        count = fs.readSync(0, bytes, at, length - at, null);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
        // The pipe is non-blocking: sleep a moment, as there is nothing else to do.
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
        continue;
      }
      if (count === 0) process.exit(1); // The client went away.
      at += count;
    }
    return bytes;
  };
  const readLine = (): string => {
    let line = '';
    for (let next = readExactly(1); next[0] !== 10; next = readExactly(1)) line += next.toString('latin1');
    return line;
  };

  const libcOf = (): string => {
    if (process.platform !== 'linux') return 'system';
    try {
      return fs.readFileSync('/proc/self/maps', 'latin1').includes('/ld-musl-') ? 'musl' : 'glibc';
    } catch {
      return 'glibc';
    }
  };
  const kind = `${process.platform}-${process.arch}-${libcOf()}`;
  const nativeHash = config.nativeHashes[kind];
  const id = sha256(`${config.agentHash} ${nativeHash ?? ''}`).slice(0, 32);
  /** File name and hash of what a complete folder holds. The extension keeps a package.json above from mattering. */
  const files = { agent: ['agent.cjs', config.agentHash], native: ['koffi.node', nativeHash] } as const;
  const isStored = (folder: string, part: 'agent' | 'native'): boolean => {
    const [name, hash] = files[part];
    if (hash === undefined) return true;
    try {
      const file = path.join(folder, name);
      const { uid: owner, mode } = fs.lstatSync(file);
      // A file that others may write can be another one by the time it runs.
      return owner === uid && (mode & 0o22) === 0 && sha256(fs.readFileSync(file)) === hash;
    } catch {
      return false;
    }
  };

  const refuse = (code: string, message: string): never => {
    throw Object.assign(new Error(message), { code });
  };
  /** False when the folder it should be in is missing. One that another client made meanwhile is as good. */
  const makeFolder = (folder: string): boolean => {
    try {
      fs.mkdirSync(folder, { mode: 0o700 });
      return true;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return false;
      if (code === 'EEXIST') return true;
      throw error;
    }
  };
  /** mkdir -p; Node's own never ends where mkdir(2) answers ENOENT below a folder that exists, as autofs does. */
  const makeFolders = (folder: string): void => {
    if (makeFolder(folder) || path.dirname(folder) === folder) return;
    makeFolders(path.dirname(folder));
    if (!makeFolder(folder)) refuse('ENOENT', 'cannot be made');
  };
  /** Whether only this user has a group: the one that many systems give each user. */
  const isOwnGroup = (gid: number): boolean => {
    try {
      const entries = (file: string) =>
        fs
          .readFileSync(file, 'utf8')
          .split('\n')
          .map((line) => line.split(':'));
      const users = entries('/etc/passwd');
      const name = users.find((user) => user[2] === `${uid}`)?.[0];
      const groups = entries('/etc/group').filter((group) => group[2] === `${gid}`);
      return (
        name !== undefined &&
        groups.length === 1 &&
        groups[0]?.[0] === name &&
        ['', name].includes(groups[0]?.[3] ?? '') &&
        !users.some((user) => user[3] === `${gid}` && user[2] !== `${uid}`)
      );
    } catch {
      return false;
    }
  };
  /**
   * Refuses a folder that others could have changed: it is ours, no link, and never open for others to write in, for
   * then what is in it may be theirs.
   */
  const assertOurs = (folder: string): void => {
    const found = fs.lstatSync(folder);
    if (!found.isDirectory()) refuse('ENOTDIR', 'not a folder');
    if (found.uid !== uid) refuse('EACCES', `belongs to user ${found.uid}`);
    if ((found.mode & 0o22) !== 0)
      refuse('EACCES', 'could be written by others; remove it if it is not needed');
  };
  /**
   * Makes or checks a folder that only this user can enter, in a place where nobody else can put another one. Gives its
   * real path. The rule of the agent's own private folders (safePlaceOf).
   */
  const claim = (folder: string): string => {
    makeFolders(folder);
    const above = fs.realpathSync(path.dirname(folder));
    for (let at = above; ; at = path.dirname(at)) {
      const { uid: owner, gid, mode } = fs.lstatSync(at);
      const open = mode & 0o22;
      const isShut = open === 0 || (mode & 0o1000) !== 0 || (open === 0o20 && isOwnGroup(gid));
      if ((owner !== 0 && owner !== uid) || !isShut) refuse('EACCES', `${at} can be written by others`);
      if (at === path.dirname(at)) break;
    }
    const real = path.join(above, path.basename(folder));
    assertOurs(real);
    fs.chmodSync(real, 0o700);
    return real;
  };
  /** Whether the filesystem forbids to run programs, and so to load a native module (mount(8), noexec). */
  const isNoexec = (folder: string): boolean => {
    let best = '';
    let noexec = false;
    let mounts = '';
    try {
      mounts = fs.readFileSync('/proc/self/mountinfo', 'utf8');
    } catch {
      return false;
    }
    const real = fs.realpathSync(folder);
    for (const line of mounts.split('\n')) {
      const [, , , , point = '', options = ''] = line.split(' ');
      const inside = real === point || real.startsWith(point === '/' ? '/' : `${point}/`);
      // A later line of the same length is mounted over the earlier one.
      if (!inside || point === '' || point.length < best.length) continue;
      best = point;
      noexec = options.split(',').includes('noexec');
    }
    return noexec;
  };

  const roots: string[] = [];
  const home = env.HOME;
  if (env.XDG_CACHE_HOME) roots.push(env.XDG_CACHE_HOME);
  else if (home) roots.push(path.join(home, '.cache'));
  if (env.XDG_RUNTIME_DIR) roots.push(env.XDG_RUNTIME_DIR);
  const candidates = [...roots.map((root) => path.join(root, 'livemount')), `/tmp/livemount-${uid}`];

  const tried: { folder: string; code: string; message: string }[] = [];
  const attempt = (folder: string, action: (real: string) => void): boolean => {
    try {
      const real = claim(folder);
      if (nativeHash !== undefined && isNoexec(real)) refuse('ENOEXEC', 'mounted noexec');
      action(real);
      return true;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      tried.push({ folder, code: code ?? '', message });
      return false;
    }
  };
  const start = (folder: string): void => {
    // Says when it was last used, for `prune`.
    fs.utimesSync(folder, new Date(), new Date());
    const program = path.join(folder, files.agent[0]);
    const which = config.command === 'connect' ? ['--id', id] : [];
    const args = [config.command, ...which, '--marker', config.marker, ...config.args];
    process.argv = [process.execPath, program, ...args];
    require(program);
  };

  /** The first candidate that already holds everything, among those that are safe to run code from. */
  let stored: string | undefined;
  for (const candidate of candidates) {
    if (stored !== undefined || !fs.existsSync(path.join(candidate, id))) continue;
    attempt(candidate, (real) => {
      const folder = path.join(real, id);
      assertOurs(folder);
      if (isStored(folder, 'agent') && isStored(folder, 'native')) stored = folder;
    });
  }
  if (stored !== undefined) {
    start(stored);
    return;
  }

  const parts = (['agent', 'native'] as const).filter((part) => files[part][1] !== undefined);
  say('need', { node: process.versions.node, kind, parts });
  const received = parts.map((part) => {
    const content = zlib.gunzipSync(readExactly(Number(readLine())));
    const [name, hash] = files[part];
    if (sha256(content) !== hash) {
      say('failed', { tried: [{ folder: name, code: 'EBADMSG', message: 'it arrived damaged' }] });
      process.exit(1);
    }
    return { name, content };
  });
  tried.length = 0;
  /** Complete or not there at all, whatever happens and however many clients do the same at once. */
  const store = (folder: string): void => {
    const staged = received.map(({ name, content }) => {
      const file = path.join(folder, name);
      return { file, content, beside: `${file}.${process.pid}` };
    });
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
    assertOurs(folder);
    try {
      for (const { beside, content } of staged) {
        const fd = fs.openSync(beside, 'w', 0o600);
        try {
          fs.writeFileSync(fd, content);
          fs.fsyncSync(fd);
        } finally {
          fs.closeSync(fd);
        }
      }
      // There is room for all of it: from here on nothing can be missing but for a crash, which the hashes find.
      for (const { file, beside } of staged) fs.renameSync(beside, file);
    } catch (error) {
      for (const { beside } of staged) fs.rmSync(beside, { force: true });
      try {
        fs.rmdirSync(folder);
      } catch {
        // Another client's, or an earlier one's: it stays.
      }
      throw error;
    }
  };
  /** Removes versions that nobody has used for long. */
  const prune = (candidate: string): void => {
    const longAgo = Date.now() - 30 * 24 * 60 * 60 * 1000;
    for (const name of fs.readdirSync(candidate)) {
      const folder = path.join(candidate, name);
      if (!/^[0-9a-f]{32}$/.test(name) || fs.lstatSync(folder).mtimeMs > longAgo) continue;
      fs.rmSync(folder, { recursive: true, force: true });
    }
  };
  for (const candidate of candidates) {
    let folder = '';
    const done = attempt(candidate, (real) => {
      folder = path.join(real, id);
      prune(real);
      store(folder);
    });
    if (done) {
      start(folder);
      return;
    }
  }
  say('failed', { tried });
  process.exit(1);
}

/** The source text of the call, for `node -e`. */
export function hostBootSource(config: HostBootConfig): string {
  // Some compilers wrap inner functions in a call that gives them their name.
  return `const __name=(f)=>f;(${hostBoot.toString()})(require,process,${JSON.stringify(config)})`;
}
