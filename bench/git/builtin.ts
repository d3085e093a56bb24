// Runs in the editor's extension host (extensionTestsPath): the editor's own git extension, by its public interface.
import { execFileSync } from 'node:child_process';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { CHANGED, SPEC_VARIABLE, type Spec, type Took, until } from './spec';

/** The part of the extension's interface that is used (extensions/git/src/api/git.d.ts). */
interface Repository {
  readonly rootUri: vscode.Uri;
  readonly state: {
    readonly indexChanges: readonly unknown[];
    readonly workingTreeChanges: readonly { readonly uri: vscode.Uri }[];
  };
  status(): Promise<void>;
  add(paths: string[]): Promise<void>;
}
interface GitApi {
  readonly repositories: readonly Repository[];
  toGitUri(uri: vscode.Uri, ref: string): vscode.Uri;
}
interface GitExtension {
  getAPI(version: 1): GitApi;
}

/** For the extension to find the repository and to have its first status. */
const OPENED_WITHIN_MS = 120_000;

export async function run(): Promise<void> {
  const spec = JSON.parse(readFileSync(process.env[SPEC_VARIABLE] ?? '', 'utf8')) as Spec;
  const took: Took = { follow: [], refresh: [], diff: [], stage: [] };
  let error: string | undefined;
  try {
    await measure(spec, took);
  } catch (failure) {
    error = String(failure);
  }
  writeFileSync(spec.report, JSON.stringify({ ...took, ...(error !== undefined && { error }) }));
}

async function measure(spec: Spec, took: Took): Promise<void> {
  const extension = vscode.extensions.getExtension<GitExtension>('vscode.git');
  if (!extension) throw new Error('the editor has no git extension');
  const api = (await extension.activate()).getAPI(1);
  const find = () => api.repositories.find(({ rootUri }) => rootUri.fsPath === spec.root);
  await until(() => find() !== undefined, OPENED_WITHIN_MS);
  const repository = find();
  if (!repository) throw new Error('the extension did not find the repository');
  await repository.status();
  const git = (...args: string[]) => execFileSync('git', args, { cwd: spec.changedAt });
  const isChanged = () => repository.state.workingTreeChanges.some(({ uri }) => uri.path.endsWith(CHANGED));
  const file = vscode.Uri.file(path.join(spec.root, CHANGED));
  let follows = true;
  for (let turn = 0; turn < spec.repetitions; turn++) {
    appendFileSync(path.join(spec.changedAt, CHANGED), `${turn}\n`);
    const began = performance.now();
    const followed: number | undefined = follows ? await until(isChanged, spec.patience) : undefined;
    // One that did not follow once never will: nothing tells it.
    follows = followed !== undefined;
    took.follow.push(followed === undefined ? undefined : performance.now() - began);
    const refreshing = performance.now();
    await repository.status();
    took.refresh.push(isChanged() ? performance.now() - refreshing : undefined);
    const opening = performance.now();
    const before = await vscode.workspace.openTextDocument(api.toGitUri(file, turn % 2 === 0 ? '~' : ''));
    await vscode.workspace.fs.readFile(file);
    took.diff.push(before.getText() === '' ? undefined : performance.now() - opening);
    git('checkout', '-q', '--', CHANGED);
    await repository.status();
    await until(() => !isChanged(), spec.patience);
  }
  for (let turn = 0; turn < Math.min(3, spec.repetitions); turn++) {
    const began = performance.now();
    await repository.add(spec.stage.map((name) => path.join(spec.root, name)));
    const seen = await until(() => repository.state.indexChanges.length >= spec.stage.length, spec.patience);
    took.stage.push(seen === undefined ? undefined : performance.now() - began);
    git('reset', '-q');
    await repository.status();
  }
}
