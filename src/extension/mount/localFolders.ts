import * as vscode from 'vscode';
import { asError, messageOf } from '../../base/errors';
import { type LiveMountEntry, liveMounts } from '../../mount/kernel/liveMounts';
import { parseTarget } from '../../ssh/config/target';
import { COMMANDS } from '../commandTable';
import { t } from '../l10n';
import { ask, pick, showBriefly, showError, showInformation, showProgress, type WindowLog } from '../show';
import { setting } from '../settings';
import { isWithin, type Place } from '../uris';
import { whatIsMissing } from './missing';
import { makeMountPoint, removeMountPoint } from './mountPoints';
import { endMount, type MountProgram, MountProgramError, startMount } from './mountProgram';

const KEY = 'localFolders';
/** More mounts than a window comes back to; the oldest are not mounted again by themselves. */
const REMEMBERED = 50;

/** A folder of a host that is mounted on this machine. */
export interface LocalFolder {
  readonly directory: string;
  /** HOST:/path */
  readonly source: string;
}

/** What is mounted again when a window comes back to it. */
interface Remembered extends Place {
  readonly directory: string;
}

export interface LocalFolderParts {
  readonly memory: vscode.Memento;
  /** Whether a host may be connected; asks if its user never named it. */
  permit(host: string): Promise<boolean>;
  readonly program: MountProgram;
  /** Options of the command line for connections, as the settings say. */
  options(): readonly string[];
  /** Where mount points may be, best first. */
  bases(): readonly string[];
  readonly log: WindowLog;
}

/**
 * "Open as Local Folder": a folder of a host as a live mount, which the editor opens like any folder of this machine, so
 * that every extension and every program works in it. The mount is a process of its own and outlives the window. One that
 * the user has opened a window on is mounted again when that window comes back after a reboot.
 */
export class LocalFolders {
  constructor(private readonly parts: LocalFolderParts) {}

  /** The live mounts of this user, in whatever way they came; of several on one directory the topmost. */
  list(): readonly LocalFolder[] {
    return topmost(mountsOfUser());
  }

  /** Says what is missing where this machine can't mount. */
  isPossible(): boolean {
    const missing = whatIsMissing();
    if (missing !== undefined) void showInformation(missing);
    return missing === undefined;
  }

  /** Mounts a folder of a host, if it is not, and opens it in a new window. */
  async open(place: Place): Promise<void> {
    if (!this.isPossible() || !(await this.parts.permit(place.host))) return;
    let directory: string;
    try {
      directory = makeMountPoint(this.parts.bases(), place);
    } catch (error) {
      this.parts.log.error(`local folder ${place.host}:${place.path}: ${messageOf(error)}`);
      void showError(t('There is no place of yours on this machine where a folder could be mounted.'));
      return;
    }
    if (!(await this.mount({ ...place, directory }))) return;
    await this.remember({ host: place.host, path: place.path, directory });
    await this.show(directory);
  }

  show(directory: string): Thenable<unknown> {
    return vscode.commands.executeCommand('vscode.openFolder', vscode.Uri.file(directory), {
      forceNewWindow: true,
    });
  }

  /** Ends a mount; one that is in use only after a question. */
  async end(folder: LocalFolder | undefined): Promise<void> {
    const ended = folder ?? (await this.choose());
    if (ended === undefined) return;
    const { directory, source } = ended;
    try {
      await endMount(this.parts.program, directory, false);
    } catch (error) {
      this.parts.log.warn(`local folder ${directory}: ${messageOf(error)}`);
      const anyway = t('End It Anyway');
      const detail = t(
        'Programs that work in {0} lose it: what they have not saved there can’t be saved any more. On the host nothing is changed.',
        directory,
      );
      if ((await ask(t('{0} is in use on this machine.', source), detail, anyway)) !== anyway) return;
      await endMount(this.parts.program, directory, true);
    }
    const remembered = this.remembered().filter((one) => one.directory !== directory);
    if (remembered.length < this.remembered().length) {
      await this.parts.memory.update(KEY, remembered);
      removeMountPoint(directory);
    }
    showBriefly(t('Livemount: {0} is no local folder any more', source));
  }

  /** Mounts again what this window was opened on, and which is not there any more. */
  async comeBack(): Promise<void> {
    const folders = (vscode.workspace.workspaceFolders ?? []).filter(({ uri }) => uri.scheme === 'file');
    const wanted = this.remembered().filter(({ directory }) =>
      folders.some(({ uri }) => isWithin(uri.fsPath, directory)),
    );
    for (const one of wanted) {
      if (isMounted(one.directory) || !this.isPossible() || !(await this.parts.permit(one.host))) continue;
      // The runtime folder is empty after a reboot.
      if (makeMountPoint(this.parts.bases(), one) !== one.directory) continue;
      if (await this.mount(one)) {
        await vscode.commands.executeCommand('workbench.files.action.refreshFilesExplorer');
      }
    }
  }

  private async mount({ host, path, directory }: Remembered): Promise<boolean> {
    const { program, log } = this.parts;
    for (;;) {
      if (isMounted(directory)) return true;
      const abort = new AbortController();
      try {
        await showProgress(t('Making {0} a local folder', `${host}:${path}`), (_report, token) => {
          token.onCancellationRequested(() => abort.abort());
          const options = this.parts.options();
          return startMount(program, { place: { host, path }, directory, options, signal: abort.signal });
        });
        log.info(`local folder ${host}:${path} at ${directory}`);
        return true;
      } catch (error) {
        if (abort.signal.aborted) return false;
        log.error(`local folder ${host}:${path}: ${messageOf(error)}`);
        if (!(await this.isToTryAgain(host, asError(error)))) return false;
      }
    }
  }

  private async isToTryAgain(host: string, error: Error): Promise<boolean> {
    const reason = error instanceof MountProgramError ? error.message : t('the log says more.');
    const again = t('Try Again');
    const showLog = t(COMMANDS['livemount.showLog'].title);
    const answer = await showError(t('The folder of {0} is no local one: {1}', host, reason), again, showLog);
    if (answer === showLog) this.parts.log.show();
    return answer === again;
  }

  private async choose(): Promise<LocalFolder | undefined> {
    const folders = this.list();
    if (folders.length === 0) {
      void showInformation(t('No folder of a host is mounted on this machine.'));
      return undefined;
    }
    const items = folders.map((folder) => ({ label: folder.source, description: folder.directory, folder }));
    return (await pick(items, t('End Which Local Folder?')))?.folder;
  }

  private async remember(opened: Remembered): Promise<void> {
    const others = this.remembered().filter(({ directory }) => directory !== opened.directory);
    await this.parts.memory.update(KEY, [...others, opened].slice(-REMEMBERED));
  }

  /** What another version of us left there may be anything. */
  private remembered(): readonly Remembered[] {
    const stored: unknown = this.parts.memory.get(KEY);
    return Array.isArray(stored) ? stored.filter(isRemembered) : [];
  }
}

/** The options of `livemount mount` that say what the settings say. */
export function mountOptions(): readonly string[] {
  const configFile = setting('livemount.ssh.configFile');
  return [
    ...(configFile === '' ? [] : [`--ssh-config=${configFile}`]),
    `--transport=${setting('livemount.transport')}`,
    `--reach=${setting('livemount.reach')}`,
  ];
}

/** In the order of the mount table, which has the topmost of a directory last. */
export function topmost(mounted: readonly LocalFolder[]): readonly LocalFolder[] {
  const byDirectory = new Map<string, LocalFolder>();
  for (const { directory, source } of mounted) byDirectory.set(directory, { directory, source });
  return [...byDirectory.values()];
}

function mountsOfUser(): readonly LiveMountEntry[] {
  if (process.platform !== 'linux') return [];
  try {
    return liveMounts().filter(({ uid }) => uid === process.getuid?.());
  } catch {
    return []; // No proc: nothing can be mounted without it either.
  }
}

function isMounted(directory: string): boolean {
  return mountsOfUser().some((mounted) => mounted.directory === directory);
}

function isRemembered(value: unknown): value is Remembered {
  if (typeof value !== 'object' || value === null) return false;
  const { host, path, directory } = value as Partial<Record<keyof Remembered, unknown>>;
  if (typeof host !== 'string' || typeof path !== 'string' || typeof directory !== 'string') return false;
  return path.startsWith('/') && directory.startsWith('/') && isTarget(host);
}

function isTarget(host: string): boolean {
  try {
    parseTarget(host);
    return true;
  } catch {
    return false;
  }
}
