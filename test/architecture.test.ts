// The rules of the folder layout, checked instead of remembered.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

const root = path.resolve(__dirname, '..');
const source = path.join(root, 'src');

/** What each folder may import besides itself. The order is the direction: nothing points back. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  base: [],
  protocol: ['base'],
  client: ['protocol', 'base'],
  server: ['protocol', 'base'],
  agent: ['server', 'protocol', 'base'],
  // The SFTP rung runs the server core in the extension's own process.
  ssh: ['protocol', 'server', 'base'],
  // A live mount asks this machine's kernel itself: of the agent it has the declarations of system calls, the table of
  // mounts and the name of the boot, and nothing else.
  mount: ['agent', 'client', 'protocol', 'base'],
  cli: ['mount', 'ssh', 'client', 'protocol', 'base'],
  // A live mount is a process of its own; the window reads the list of them.
  extension: ['mount', 'ssh', 'client', 'protocol', 'base'],
};

/** The one builtin that the wire format needs: Buffer. */
const protocolBuiltins: readonly string[] = ['buffer', 'minimatch'];

/** What a part of a folder may import of its other parts. */
interface Arrows {
  /** What is there when the program runs. */
  readonly values: readonly string[];
  /** Types alone. */
  readonly types?: readonly string[];
}

/**
 * The parts of the client, the server and the agent. The files beside them (client/state.ts, client/remoteTree.ts,
 * agent/agentServer.ts, …) put the parts together and stand above all.
 *
 * In the client, what is known (tree, cache) does not know how it is asked for, and the wire (session) does not know what
 * it carries. In the server, the host and what is done with it do not know the connection that asks, but for the types of a
 * handler.
 */
const parts: Readonly<Record<string, Arrows>> = {
  'client/cache': { values: [], types: ['superblocks', 'tree'] },
  'client/session': { values: [] },
  'client/tree': { values: ['cache'], types: ['superblocks'] },
  'client/superblocks': { values: ['session'], types: ['cache', 'tree'] },
  'client/transfer': { values: ['session'] },
  'client/fsnotify': { values: ['cache', 'session', 'superblocks', 'tree'] },
  'client/ops': { values: ['cache', 'fsnotify', 'session', 'superblocks', 'transfer', 'tree'] },
  'client/processes': { values: ['session'] },
  'client/find': { values: ['session', 'tree'] },
  'client/git': { values: [] },
  'server/host': { values: [] },
  'server/ops': { values: ['host'], types: ['connection'] },
  'server/trees': { values: ['host', 'ops'], types: ['connection', 'save'] },
  'server/save': { values: ['host', 'ops', 'trees'], types: ['connection'] },
  'server/processes': { values: ['host'], types: ['connection'] },
  'server/watch': { values: ['host'] },
  'server/connection': { values: ['host', 'ops', 'processes', 'save', 'watch'] },
  'agent/libc': { values: [] },
  'agent/daemon': { values: [] },
  'agent/find': { values: [] },
  'agent/posix': { values: ['libc'] },
  'agent/watch': { values: ['libc', 'posix'] },
  'agent/lm': { values: ['daemon', 'libc'] },
  'agent/processes': { values: ['daemon', 'libc', 'lm'] },
};

/** The same for the parts of server/watch; the files beside them are its words and what puts it together. */
const watchParts: Readonly<Record<string, Arrows>> = {
  'server/watch/shadow': { values: [], types: ['arming', 'superblock'] },
  'server/watch/arming': { values: ['shadow'] },
  'server/watch/superblock': { values: ['arming', 'shadow'] },
};

interface Import {
  readonly from: string;
  readonly folder: string;
  readonly specifier: string;
  /** Nothing of it is left when the program runs. */
  readonly isType: boolean;
}

const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.ts'),
);
const isFile: ReadonlySet<string> = new Set(files);
const imports = files.flatMap(importsOf);
const architecture = readFileSync(path.join(root, 'docs/architecture.md'), 'utf8');

test('the source is where this test looks for it', () => {
  assert.ok(files.length > 20, `only ${files.length} files under src`);
  assert.ok(imports.length > files.length, 'most files import something');
});

test('imports between the folders of src go one way', () => {
  const wrong = imports
    .filter(({ specifier }) => specifier.startsWith('.'))
    .filter(({ from, folder, specifier }) => {
      const target = path.relative(source, path.resolve(source, path.dirname(from), specifier));
      const [targetFolder = ''] = target.split(path.sep);
      return targetFolder !== folder && !mayImport[folder]?.includes(targetFolder);
    });
  assert.deepEqual(wrong.map(describe), []);
});

test('every folder of src has a place in the order', () => {
  const folders = readdirSync(source, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  assert.deepEqual(folders.map((entry) => entry.name).sort(), Object.keys(mayImport).sort());
});

test('the parts of client, server and agent know each other one way', () => {
  assert.deepEqual([...against(parts), ...against(watchParts)].map(describe), []);
});

test('every part of client, server and agent has a place in the order', () => {
  for (const [known, above] of [
    [parts, ['client', 'server', 'agent']],
    [watchParts, ['server/watch']],
  ] as const) {
    const found = above.flatMap((folder) =>
      readdirSync(path.join(source, folder), { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map(({ name }) => `${folder}/${name}`),
    );
    assert.deepEqual(found.sort(), Object.keys(known).sort());
  }
});

test('no part of a folder needs itself by way of others, types aside', () => {
  const needs = imports
    .filter(({ isType }) => !isType)
    .map((one) => ({ from: partOf(one.from, 2), to: partOf(targetOf(one) ?? '', 2) }))
    .filter(({ from, to }) => from !== undefined && to !== undefined && from !== to);
  assert.deepEqual(cycles(needs as { from: string; to: string }[]), []);
});

test('no file of src needs itself by way of others, types aside', () => {
  const needs = imports.filter(({ isType }) => !isType).map((one) => ({ from: one.from, to: targetOf(one) }));
  assert.deepEqual(cycles(needs), []);
});

test('only the extension knows vscode, and only src/ssh knows ssh2', () => {
  const wrong = imports.filter(
    ({ folder, specifier }) =>
      (specifier === 'vscode' && folder !== 'extension') ||
      (specifier.split('/')[0] === 'ssh2' && folder !== 'ssh'),
  );
  assert.deepEqual(wrong.map(describe), []);
});

test('a mount takes of the agent what asks this machine’s kernel, and nothing else', () => {
  const wrong = imports.filter(
    ({ folder, specifier }) =>
      folder === 'mount' &&
      /\/agent\//.test(specifier) &&
      !/\/agent\/(?:libc\/\w+|posix\/mountinfo|processIdentity)$/.test(specifier),
  );
  assert.deepEqual(wrong.map(describe), []);
});

test('the extension takes the list of mounts, and nothing else of them', () => {
  const wrong = imports.filter(
    ({ folder, specifier }) =>
      folder === 'extension' &&
      /^(?:\.\.\/){2,}mount\//.test(specifier) &&
      !specifier.endsWith('/mount/kernel/liveMounts'),
  );
  assert.deepEqual(wrong.map(describe), []);
});

test('the protocol is pure: no I/O, no clock, no randomness', () => {
  const wrong = imports.filter(
    ({ folder, specifier }) => folder === 'protocol' && !specifier.startsWith('.'),
  );
  assert.deepEqual(
    wrong.filter(({ specifier }) => !protocolBuiltins.includes(bare(specifier))).map(describe),
    [],
  );
  const impure =
    /\b(Date\.now|new Date|performance\.now|Math\.random|setTimeout|setInterval|process\.|fetch\()/;
  const offenders = files
    .filter((file) => file.startsWith(`protocol${path.sep}`))
    .filter((file) => impure.test(withoutComments(read(file))));
  assert.deepEqual(offenders, []);
});

test('the client runs without Node’s filesystem, network or processes', () => {
  const forbidden = ['fs', 'fs/promises', 'net', 'child_process', 'worker_threads', 'os'];
  const wrong = imports.filter(
    ({ folder, specifier }) => folder === 'client' && forbidden.includes(bare(specifier)),
  );
  assert.deepEqual(wrong.map(describe), []);
});

test('the server talks to the host through HostFs alone', () => {
  const forbidden = ['fs', 'fs/promises', 'child_process', 'koffi'];
  const wrong = imports.filter(
    ({ folder, specifier }) => folder === 'server' && forbidden.includes(bare(specifier)),
  );
  assert.deepEqual(wrong.map(describe), []);
});

test('editor errors are made in one place', () => {
  const makers = files
    .filter((file) => file.startsWith(`extension${path.sep}`))
    .filter((file) => /FileSystemError\s*[.(]\s*(?!name\b)/.test(withoutComments(read(file))));
  assert.deepEqual(makers, [path.join('extension', 'errors.ts')]);
});

test('every file that docs/architecture.md names is there', () => {
  const named = spansOf(architecture).filter((span) => /^[\w/]+(?:\.\w+)*\.ts$/.test(span));
  assert.ok(named.length > 40, `only ${named.length} names of files`);
  const missing = named.filter(
    (name) =>
      !existsSync(path.join(root, name)) &&
      !files.some((file) => `/${file.split(path.sep).join('/')}`.endsWith(`/${name}`)),
  );
  assert.deepEqual(missing, []);
});

test('docs/architecture.md lists the folders of src, and the parts of each that has parts', () => {
  const rows = architecture.split('\n').filter((line) => line.startsWith('| `'));
  const listed = rows.flatMap((row) => {
    const [first = '', ...others] = spansOf(row.split('|')[1] ?? '');
    if (first.startsWith('src/')) return [first.slice('src/'.length)];
    return [first, ...others.map((other) => path.posix.join(path.posix.dirname(first), other))];
  });
  const folders = files
    .map((file) => path.dirname(file).split(path.sep))
    .flatMap((way) => [way[0] as string, way.slice(0, 2).join('/')])
    .filter((folder) => folder !== 'cli/commands');
  assert.deepEqual([...new Set(listed)].sort(), [...new Set(folders)].sort());
});

/** What stands between backquotes. */
function spansOf(text: string): string[] {
  return [...text.matchAll(/`([^`\n]+)`/g)].map(([, span = '']) => span);
}

function importsOf(from: string): Import[] {
  const [folder = ''] = from.split(path.sep);
  const text = withoutComments(read(from));
  const named = [...text.matchAll(/\b(?:import|export)\b([^'"`;]*?)\bfrom\s*['"]([^'"]+)['"]/g)].map(
    ([, what = '', specifier = '']) => ({ specifier, isType: namesOnlyTypes(what) }),
  );
  const whole = [
    ...text.matchAll(/\bimport\s*['"]([^'"]+)['"]/g),
    ...text.matchAll(/\b(?:require|import)\(\s*['"]([^'"]+)['"]/g),
  ].map(([, specifier = '']) => ({ specifier, isType: false }));
  return [...named, ...whole].map((one) => ({ from, folder, ...one }));
}

/** What stands between `import` and `from` names types alone: `type { A }`, or `{ type A, type B }`. */
function namesOnlyTypes(what: string): boolean {
  if (/^\s*type\b/.test(what)) return true;
  const names = /^\s*\{([^}]*)\}\s*$/.exec(what)?.[1];
  if (names === undefined) return false;
  return names
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
    .every((name) => name.startsWith('type '));
}

/** The file of src that an import means, if it is one. */
function targetOf({ from, specifier }: Pick<Import, 'from' | 'specifier'>): string | undefined {
  if (!specifier.startsWith('.')) return undefined;
  const target = path.join(path.dirname(from), specifier);
  return [`${target}.ts`, path.join(target, 'index.ts')].find((file) => isFile.has(file));
}

/** The folder of that depth that a file lies in, at whatever depth below it. */
function partOf(file: string, depth: number): string | undefined {
  const way = file.split(path.sep);
  return way.length > depth ? way.slice(0, depth).join('/') : undefined;
}

/** The imports between these parts that they do not allow. */
function against(allowed: Readonly<Record<string, Arrows>>): Import[] {
  const depth = Object.keys(allowed)[0]?.split('/').length ?? 0;
  return imports.filter((one) => {
    const part = partOf(one.from, depth);
    const other = partOf(targetOf(one) ?? '', depth);
    const arrows = allowed[part ?? ''];
    if (arrows === undefined || other === undefined || part === other || !(other in allowed)) return false;
    if (path.dirname(part ?? '') !== path.dirname(other)) return false;
    const name = path.basename(other);
    return !arrows.values.includes(name) && !(one.isType && arrows.types?.includes(name));
  });
}

/** Groups that all need each other. (Tarjan's strongly connected components) */
function cycles(needed: readonly { readonly from: string; readonly to: string | undefined }[]): string[][] {
  const needs = new Map<string, Set<string>>();
  for (const { from, to } of needed) {
    if (to === undefined) continue;
    const of = needs.get(from);
    if (of === undefined) needs.set(from, new Set([to]));
    else of.add(to);
  }
  const found: string[][] = [];
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const stack: string[] = [];
  const visit = (file: string) => {
    order.set(file, order.size);
    lowest.set(file, order.get(file) as number);
    stack.push(file);
    for (const next of needs.get(file) ?? []) {
      if (!order.has(next)) visit(next);
      if (stack.includes(next))
        lowest.set(file, Math.min(lowest.get(file) as number, lowest.get(next) as number));
    }
    if (lowest.get(file) !== order.get(file)) return;
    const group = stack.splice(stack.indexOf(file));
    if (group.length > 1) found.push(group.sort());
  };
  for (const file of needs.keys()) if (!order.has(file)) visit(file);
  return found;
}

function bare(specifier: string): string {
  return specifier.replace(/^node:/, '');
}

function describe({ from, specifier }: Import): string {
  return `${from} imports ${specifier}`;
}

function read(file: string): string {
  return readFileSync(path.join(source, file), 'utf8');
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1');
}
