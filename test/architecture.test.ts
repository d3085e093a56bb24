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
  extension: ['ssh', 'client', 'protocol', 'base'],
};

/** The one builtin that the wire format needs: Buffer. */
const protocolBuiltins: readonly string[] = ['buffer', 'minimatch'];

interface Import {
  readonly from: string;
  readonly folder: string;
  readonly specifier: string;
}

const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.ts'),
);
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
  const specifiers = [
    ...text.matchAll(/\b(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]/g),
    ...text.matchAll(/\bimport\s*['"]([^'"]+)['"]/g),
    ...text.matchAll(/\b(?:require|import)\(\s*['"]([^'"]+)['"]/g),
  ].map((match) => match[1] ?? '');
  return specifiers.map((specifier) => ({ from, folder, specifier }));
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
