import * as vscode from 'vscode';
import type { Hosts } from '../hosts';
import { uriOf } from '../uris';
import type { HostPty } from './hostPty';
import { candidatesIn, type LinkCandidate, resolvedPath } from './linkPatterns';

interface HostLink extends vscode.TerminalLink {
  readonly host: string;
  readonly path: string;
  readonly isFolder: boolean;
  readonly place: LinkCandidate;
}

/** Where a terminal's process runs. */
export interface TerminalPlace {
  readonly host: string;
  readonly pty: HostPty;
}

/** Paths in the output of our terminals open the document of the host, at the line they say. */
export class TerminalLinks implements vscode.TerminalLinkProvider<HostLink>, vscode.Disposable {
  private readonly registration = vscode.window.registerTerminalLinkProvider(this);

  constructor(
    private readonly hosts: Hosts,
    private readonly placeOf: (terminal: vscode.Terminal) => TerminalPlace | undefined,
  ) {}

  async provideTerminalLinks({ line, terminal }: vscode.TerminalLinkContext): Promise<HostLink[]> {
    const place = this.placeOf(terminal);
    const session = place && this.hosts.session(place.host);
    const vfs = session?.current;
    if (place === undefined || session === undefined || vfs === undefined) return [];
    const candidates = candidatesIn(line);
    if (candidates.length === 0) return [];
    const home = candidates.some(({ path }) => path.startsWith('~')) ? await session.home() : undefined;
    // They leave together, and come back after one round trip; what is under a lease costs none.
    const links = await Promise.all(
      candidates.map(async (candidate): Promise<HostLink | undefined> => {
        const path = resolvedPath(candidate.path, place.pty.directory.path, home);
        if (path === undefined) return undefined;
        try {
          const { kind } = await vfs.stat(path);
          if (kind === 'other') return undefined;
          return {
            startIndex: candidate.start,
            length: candidate.length,
            host: place.host,
            path,
            isFolder: kind === 'directory',
            place: candidate,
          };
        } catch {
          return undefined; // It names nothing.
        }
      }),
    );
    return links.filter((link) => link !== undefined);
  }

  async handleTerminalLink({ host, path, isFolder, place }: HostLink): Promise<void> {
    const uri = uriOf({ host, path });
    if (isFolder) await vscode.commands.executeCommand('revealInExplorer', uri);
    else await showAt(uri, place.line, place.column);
  }

  dispose(): void {
    this.registration.dispose();
  }
}

/** Opens a document with the cursor at a line and column, from 1. */
export async function showAt(
  uri: vscode.Uri,
  line: number | undefined,
  column: number | undefined,
): Promise<vscode.TextEditor> {
  const at =
    line === undefined
      ? undefined
      : new vscode.Position(Math.max(0, line - 1), Math.max(0, (column ?? 1) - 1));
  return vscode.window.showTextDocument(uri, {
    preview: false,
    ...(at !== undefined && { selection: new vscode.Range(at, at) }),
  });
}
