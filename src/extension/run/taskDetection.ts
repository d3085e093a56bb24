/** What can be run in a folder, from the files that say so. No vscode in here; the files come from the host. */

export interface DetectedTask {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly problemMatchers: readonly string[];
  readonly group?: 'build' | 'test';
}

/** The files that are read, by name. */
export const TASK_FILES = [
  'package.json',
  'Makefile',
  'makefile',
  'GNUmakefile',
  'Cargo.toml',
  'go.mod',
  'pyproject.toml',
] as const;
export type TaskFile = (typeof TASK_FILES)[number];

/** Files longer than this are not looked into, and tasks of one file beyond so many are not listed. */
export const TASK_FILE_BYTES = 1 << 20;
const TASKS_MAX = 200;

/** The tasks of one file. */
export function tasksIn(file: TaskFile, text: string): DetectedTask[] {
  switch (file) {
    case 'package.json':
      return npmScripts(text);
    case 'Makefile':
    case 'makefile':
    case 'GNUmakefile':
      return makeTargets(text);
    case 'Cargo.toml':
      return CARGO;
    case 'go.mod':
      return GO;
    case 'pyproject.toml':
      return pyproject(text);
  }
}

function npmScripts(text: string): DetectedTask[] {
  const manifest = json(text);
  const scripts = manifest?.scripts;
  if (typeof scripts !== 'object' || scripts === null) return [];
  const program = packageManager(manifest);
  return Object.keys(scripts)
    .slice(0, TASKS_MAX)
    .map((name) => ({
      name: `${program}: ${name}`,
      command: program,
      args: ['run', name],
      problemMatchers: ['$tsc', '$eslint-stylish'],
      ...groupOf(name),
    }));
}

/** `packageManager` of package.json (Corepack): the name before the @. */
function packageManager(manifest: Record<string, unknown> | undefined): string {
  const named =
    typeof manifest?.packageManager === 'string' ? manifest.packageManager.split('@')[0] : undefined;
  return named === 'pnpm' || named === 'yarn' || named === 'bun' ? named : 'npm';
}

/** Explicit targets without a pattern or variable in their name; those with a dot in front are make's own. */
function makeTargets(text: string): DetectedTask[] {
  const names = new Set<string>();
  for (const line of text.replace(/\\\n/g, ' ').split('\n')) {
    const match = /^([A-Za-z0-9_][\w./ -]*?)\s*::?(?![=:])/.exec(line);
    for (const name of match?.[1]?.split(/\s+/) ?? [])
      if (/^[A-Za-z0-9_][\w./-]*$/.test(name)) names.add(name);
  }
  return [...names].slice(0, TASKS_MAX).map((name) => ({
    name: `make: ${name}`,
    command: 'make',
    args: [name],
    problemMatchers: ['$gcc'],
    ...groupOf(name),
  }));
}

const CARGO: DetectedTask[] = (['build', 'check', 'test', 'clippy', 'run'] as const).map((verb) => ({
  name: `cargo: ${verb}`,
  command: 'cargo',
  args: [verb],
  problemMatchers: ['$rustc'],
  ...groupOf(verb),
}));

const GO: DetectedTask[] = (['build', 'test', 'vet'] as const).map((verb) => ({
  name: `go: ${verb}`,
  command: 'go',
  args: [verb, './...'],
  problemMatchers: ['$go'],
  ...groupOf(verb),
}));

/** Tools that a pyproject.toml configures. (PEP 518: tables `tool.NAME`) */
function pyproject(text: string): DetectedTask[] {
  const tools: Readonly<Record<string, { readonly args: readonly string[]; readonly group?: 'test' }>> = {
    pytest: { args: ['-m', 'pytest'], group: 'test' },
    ruff: { args: ['-m', 'ruff', 'check', '.'] },
    mypy: { args: ['-m', 'mypy', '.'] },
  };
  return Object.entries(tools)
    .filter(([name]) => new RegExp(`^\\s*\\[tool\\.${name}[.\\]]`, 'm').test(text))
    .map(([name, { args, group }]) => ({
      name: `python: ${name}`,
      command: 'python3',
      args,
      problemMatchers: ['$gcc', '$python'],
      ...(group && { group }),
    }));
}

function groupOf(name: string): { readonly group?: 'build' | 'test' } {
  if (/^(build|all|compile|check)$/.test(name)) return { group: 'build' };
  return /^tests?$/.test(name) ? { group: 'test' } : {};
}

function json(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined; // Half written, or no JSON: then there is nothing to run.
  }
}
