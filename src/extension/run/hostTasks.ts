import { posix } from 'node:path';
import * as vscode from 'vscode';
import type { Hosts } from '../hosts';
import { fitToShow } from '../../base/fitToShow';
import { ourFolders, type Place, placeOf, uriOf } from '../uris';
import { HostPty } from './hostPty';
import { MatcherLibrary, type Problem, ProblemRun, type Severity } from './problemMatchers';
import { type DetectedTask, TASK_FILE_BYTES, TASK_FILES, tasksIn } from './taskDetection';
import { USUAL_MATCHERS } from './usualMatchers';

export const TASK_TYPE = 'livemount';
/** Problems of one task at most; a person reads fewer. */
const PROBLEMS_MAX = 1000;

interface Definition extends vscode.TaskDefinition {
  /** A program, or without `args` a line for the login shell. */
  readonly command: string;
  readonly args?: readonly string[];
  /** Relative to the folder. */
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly problemMatchers?: unknown;
  readonly isBackground?: boolean;
}

/** Tasks that run on the host, and their problems, which are in files of the host. */
export class HostTasks implements vscode.TaskProvider, vscode.Disposable {
  private readonly lifetime: vscode.Disposable[];
  private readonly problems = vscode.languages.createDiagnosticCollection('livemount');
  private found: Promise<vscode.Task[]> | undefined;

  constructor(
    private readonly hosts: Hosts,
    private readonly printed: (host: string, text: string) => void,
  ) {
    const files = vscode.workspace.createFileSystemWatcher(`**/{${TASK_FILES.join(',')}}`);
    const forget = () => {
      this.found = undefined;
    };
    this.lifetime = [
      this.problems,
      files,
      files.onDidChange(forget),
      files.onDidCreate(forget),
      files.onDidDelete(forget),
      vscode.workspace.onDidChangeWorkspaceFolders(forget),
      vscode.tasks.registerTaskProvider(TASK_TYPE, this),
    ];
  }

  async provideTasks(): Promise<vscode.Task[]> {
    if (!vscode.workspace.isTrusted) return [];
    this.found ??= this.look();
    return this.found;
  }

  resolveTask(task: vscode.Task): vscode.Task | undefined {
    const { scope } = task;
    const folder = typeof scope === 'object' ? scope : ourFolders()[0];
    if (folder === undefined || !ourFolders().some(({ uri }) => `${uri}` === `${folder.uri}`))
      return undefined;
    return this.task(folder, task.definition as Definition, task.name);
  }

  dispose(): void {
    for (const part of this.lifetime) part.dispose();
  }

  private async look(): Promise<vscode.Task[]> {
    const all = await Promise.all(ourFolders().map((folder) => this.lookIn(folder)));
    return all.flat();
  }

  /** All files are asked for at once: what is not there costs nothing more. */
  private async lookIn(folder: vscode.WorkspaceFolder): Promise<vscode.Task[]> {
    const { host, path } = placeOf(folder.uri);
    const vfs = this.hosts.session(host).current;
    if (vfs === undefined) {
      this.found = undefined;
      return [];
    }
    const detected = await Promise.all(
      TASK_FILES.map(async (file): Promise<DetectedTask[]> => {
        try {
          const place = posix.join(path, file);
          const { size, kind } = await vfs.stat(place);
          if (kind !== 'file' || size > BigInt(TASK_FILE_BYTES)) return [];
          return tasksIn(file, (await vfs.readFile(place)).toString('utf8'));
        } catch {
          return []; // It is not there, or not for us to read.
        }
      }),
    );
    return detected.flat().map(({ name, command, args, problemMatchers, group }) => {
      const task = this.task(folder, { type: TASK_TYPE, command, args, problemMatchers }, name);
      if (group === 'build') task.group = vscode.TaskGroup.Build;
      if (group === 'test') task.group = vscode.TaskGroup.Test;
      return task;
    });
  }

  private task(folder: vscode.WorkspaceFolder, definition: Definition, name: string): vscode.Task {
    const place = placeOf(folder.uri);
    const execution = new vscode.CustomExecution(async (resolved) =>
      this.pty(place, resolved as unknown as Definition, name),
    );
    const task = new vscode.Task(definition, folder, fitToShow(name), 'Livemount', execution);
    task.isBackground = definition.isBackground === true;
    return task;
  }

  private pty(folder: Place, definition: Definition, name: string): vscode.Pseudoterminal {
    const { host } = folder;
    const { command, args, env = {} } = definition;
    const cwd = posix.resolve(folder.path, typeof definition.cwd === 'string' ? definition.cwd : '.');
    const run = new ProblemRun(library().find(definition.problemMatchers));
    const list = new ProblemList(this.problems, host, folder.path, cwd, `${host} ${folder.path} ${name}`);
    return new HostPty({
      cwd,
      start: async (size) => {
        if (!vscode.workspace.isTrusted) throw new Error('the workspace is not trusted');
        if (typeof command !== 'string' || command === '') throw new Error('the task has no command');
        const { processes } = await this.hosts.session(host).vfs();
        return processes.start({
          run: args === undefined ? { shell: command } : { program: [command, ...args.map(String)] },
          cwd,
          terminal: size,
          env: { TERM: 'xterm-256color', ...strings(env) },
        });
      },
      started: () => list.clear(),
      printed: (text) => {
        this.printed(host, text);
        const { problems, begins } = run.take(text);
        if (begins) list.clear();
        list.add(problems);
      },
      ended: () => list.add(run.end().problems),
    });
  }
}

/** The problems of one task, until it runs again. */
class ProblemList {
  private static readonly lists = new Map<string, Map<string, vscode.Diagnostic[]>>();
  private count = 0;

  constructor(
    private readonly collection: vscode.DiagnosticCollection,
    private readonly host: string,
    private readonly folder: string,
    private readonly cwd: string,
    private readonly task: string,
  ) {}

  clear(): void {
    const before = ProblemList.lists.get(this.task);
    ProblemList.lists.delete(this.task);
    this.count = 0;
    for (const file of before?.keys() ?? []) this.show(file);
  }

  add(problems: readonly Problem[]): void {
    const own = ProblemList.lists.get(this.task) ?? new Map<string, vscode.Diagnostic[]>();
    ProblemList.lists.set(this.task, own);
    const touched = new Set<string>();
    for (const problem of problems) {
      if (this.count >= PROBLEMS_MAX) break;
      this.count++;
      const uri = `${uriOf({ host: this.host, path: this.pathOf(problem) })}`;
      const list = own.get(uri) ?? [];
      own.set(uri, list);
      list.push(diagnosticOf(problem));
      touched.add(uri);
    }
    for (const file of touched) this.show(file);
  }

  /** What all tasks say of a file. */
  private show(file: string): void {
    const all = [...ProblemList.lists.values()].flatMap((files) => files.get(file) ?? []);
    this.collection.set(vscode.Uri.parse(file, true), all);
  }

  private pathOf({ file, matcher }: Problem): string {
    const { kind, base } = matcher.location;
    if (kind === 'absolute' || file.startsWith('/')) return posix.resolve('/', file);
    return posix.resolve(this.cwd, this.baseOf(base), file);
  }

  /** The folder that a matcher names, in the host's terms. */
  private baseOf(base: string | undefined): string {
    if (base === undefined) return '.';
    return base.replace(/\$\{(\w+)\}/g, (whole, name: string) =>
      name === 'workspaceFolder' || name === 'workspaceRoot'
        ? this.folder
        : name === 'cwd'
          ? this.cwd
          : whole,
    );
  }
}

const SEVERITIES: Readonly<Record<Severity, vscode.DiagnosticSeverity>> = {
  error: vscode.DiagnosticSeverity.Error,
  warning: vscode.DiagnosticSeverity.Warning,
  info: vscode.DiagnosticSeverity.Information,
};

function diagnosticOf(problem: Problem): vscode.Diagnostic {
  const line = Math.max(0, problem.line - 1);
  const column = Math.max(0, (problem.column ?? 1) - 1);
  const endLine = problem.endLine === undefined ? line : Math.max(line, problem.endLine - 1);
  // Without an end it is the rest of the line, or the word at the column, which the editor finds.
  const endColumn =
    problem.endColumn === undefined
      ? problem.column === undefined
        ? Number.MAX_SAFE_INTEGER
        : column
      : problem.endColumn - 1;
  const range = new vscode.Range(line, column, endLine, Math.max(0, endColumn));
  const diagnostic = new vscode.Diagnostic(range, fitToShow(problem.message), SEVERITIES[problem.severity]);
  diagnostic.source = problem.source ?? problem.owner;
  if (problem.code !== undefined) diagnostic.code = problem.code;
  return diagnostic;
}

/** Matchers of every installed extension, and the usual ones. Read when a task begins: extensions come and go. */
function library(): MatcherLibrary {
  const all = new MatcherLibrary();
  all.add(USUAL_MATCHERS);
  for (const { packageJSON } of vscode.extensions.all)
    all.add((packageJSON as { contributes?: unknown }).contributes);
  return all;
}

function strings(env: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).map(([name, value]) => [name, String(value)]));
}
