import type { Change } from '../client/vfs';

/** What the editor is told about one path; the numbers are those of vscode.FileChangeType. */
export const FileEventType = { Changed: 1, Created: 2, Deleted: 3 } as const;
export type FileEventType = (typeof FileEventType)[keyof typeof FileEventType];

export interface FileEvent {
  readonly type: FileEventType;
  readonly path: string;
}

/** A batch of remote events in the editor's terms. */
export interface EditorEvents {
  readonly events: readonly FileEvent[];
  /** Folders below which anything may have changed: open documents there are read again, and the explorer lists again. */
  readonly staleBelow: readonly string[];
}

/**
 * Translates a batch in order. The editor has no event for a rename, and none for a mount: a rename is a deletion and
 * a creation; where a mount came or went, everything below its mount point is another filesystem's, so the mount
 * point is told as deleted and created again.
 */
export function toEditorEvents(changes: readonly Change[]): EditorEvents {
  const events: FileEvent[] = [];
  const staleBelow: string[] = [];
  for (const change of changes) {
    switch (change.kind) {
      case 'create':
        events.push({ type: FileEventType.Created, path: change.path });
        break;
      case 'modify':
      case 'attrib':
        events.push({ type: FileEventType.Changed, path: change.path });
        break;
      case 'delete':
        events.push({ type: FileEventType.Deleted, path: change.path });
        break;
      case 'rename':
        events.push({ type: FileEventType.Deleted, path: change.path });
        if (change.to !== undefined) events.push({ type: FileEventType.Created, path: change.to });
        break;
      case 'mount':
      case 'unmount':
        events.push({ type: FileEventType.Deleted, path: change.path });
        events.push({ type: FileEventType.Created, path: change.path });
        staleBelow.push(change.path);
        break;
      case 'overflow':
        staleBelow.push(change.path);
        break;
      case 'error':
        // Told in the views and the log; no file's content is known to have changed.
        break;
    }
  }
  return { events, staleBelow };
}
