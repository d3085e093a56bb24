// The rules of the folder layout, checked instead of remembered.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
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
  // A live mount makes system calls itself: of the agent it has their declarations, and nothing else.
  mount: ['agent', 'client', 'protocol', 'base'],
  cli: ['mount', 'ssh', 'client', 'protocol', 'base'],
  // A live mount is a process of its own; the window reads the list of them.
  extension: ['mount', 'ssh', 'client', 'protocol', 'base'],
};

/** The one builtin that the wire format needs: Buffer. */
const protocolBuiltins: readonly string[] = ['buffer', 'minimatch'];

/**
 * The parts of the client, and what each may import of the others besides types; the files beside them (state.ts,
 * remoteTree.ts, …) put the parts together. What is known (tree, cache) does not know how it is asked for, and the wire
 * (session) does not know what it carries.
 */
const clientParts: Readonly<Record<string, readonly string[]>> = {
  cache: [],
  session: [],
  tree: ['cache'],
  superblocks: ['session'],
  transfer: ['session'],
  fsnotify: ['cache', 'session', 'superblocks', 'tree'],
  ops: ['cache', 'fsnotify', 'session', 'superblocks', 'transfer', 'tree'],
};
/** Not even a type of these. */
const clientStrangers: Readonly<Record<string, readonly string[]>> = {
  cache: ['session', 'fsnotify', 'transfer', 'ops'],
  tree: ['session', 'fsnotify', 'transfer', 'ops'],
  session: ['cache', 'tree', 'superblocks', 'fsnotify', 'transfer', 'ops'],
  superblocks: ['fsnotify', 'transfer', 'ops'],
  transfer: ['cache', 'tree', 'superblocks', 'fsnotify', 'ops'],
  fsnotify: ['transfer', 'ops'],
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

test('the parts of the client know each other one way', () => {
  const partOf = (file: string) => {
    const [folder, part = ''] = file.split(path.sep);
    return folder === 'client' && part in clientParts ? part : undefined;
  };
  const wrong = imports.filter(({ from, specifier, isType }) => {
    const part = partOf(from);
    const other = partOf(targetOf({ from, specifier }) ?? '');
    if (part === undefined || other === undefined || part === other) return false;
    return clientStrangers[part]?.includes(other) || (!isType && !clientParts[part]?.includes(other));
  });
  assert.deepEqual(wrong.map(describe), []);
});

test('no file of src needs itself by way of others, types aside', () => {
  assert.deepEqual(cycles(imports.filter(({ isType }) => !isType)), []);
});

test('only the extension knows vscode, and only src/ssh knows ssh2', () => {
  const wrong = imports.filter(
    ({ folder, specifier }) =>
      (specifier === 'vscode' && folder !== 'extension') ||
      (specifier.split('/')[0] === 'ssh2' && folder !== 'ssh'),
  );
  assert.deepEqual(wrong.map(describe), []);
});

test('a mount takes the system calls of the agent, and nothing else', () => {
  const wrong = imports.filter(
    ({ folder, specifier }) =>
      folder === 'mount' && /\/agent\//.test(specifier) && !/\/agent\/libc\/\w+$/.test(specifier),
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

/** Groups of files that all need each other. (Tarjan's strongly connected components) */
function cycles(needed: readonly Import[]): string[][] {
  const needs = new Map<string, Set<string>>();
  for (const one of needed) {
    const target = targetOf(one);
    if (target === undefined) continue;
    const of = needs.get(one.from);
    if (of === undefined) needs.set(one.from, new Set([target]));
    else of.add(target);
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
