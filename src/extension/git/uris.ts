import * as vscode from 'vscode';
import { encodeHost } from '../authority';
import { type Place, placeOf } from '../uris';

/** Contents of revisions are documents of their own scheme; they can't be written. */
export const GIT_SCHEME = 'livemount-git';

/** What a document of a revision shows. */
export interface Revision {
  /** A commit or ref; '' is the index, and ':1' to ':3' its stages in a conflict. */
  readonly ref: string;
  /** The work tree it belongs to. */
  readonly root: string;
}

/** The document of a file (an absolute path of the host) at a revision. It keeps the name, so that the language fits. */
export function revisionUri({ host, path }: Place, revision: Revision): vscode.Uri {
  const query = JSON.stringify({ ref: revision.ref, root: revision.root });
  return vscode.Uri.from({ scheme: GIT_SCHEME, authority: encodeHost(host), path, query });
}

/** Undefined for a URI that we did not make: anybody can open one. */
export function revisionOf(uri: vscode.Uri): (Place & Revision) | undefined {
  if (uri.scheme !== GIT_SCHEME) return undefined;
  try {
    const { ref, root } = JSON.parse(uri.query) as Partial<Revision>;
    return typeof ref === 'string' && typeof root === 'string' ? { ...placeOf(uri), ref, root } : undefined;
  } catch {
    return undefined;
  }
}
