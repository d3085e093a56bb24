import type { SuperblockView } from '../../client/vfs';
import type { HostSession } from '../hosts/hostSession';
import type { RecentFolder } from '../open/recentFolders';
import type { HeardChange } from './history';

/** A host that this window works with. */
export interface HostNode {
  readonly type: 'host';
  readonly session: HostSession;
}
/** A mount of such a host. */
export interface SuperblockNode {
  readonly type: 'superblock';
  readonly session: HostSession;
  readonly view: SuperblockView;
}
/** What folds other nodes. */
export interface GroupNode {
  readonly type: 'group';
  readonly group: 'elsewhere' | 'system' | 'changes' | 'details';
  readonly session: HostSession;
  /** Of the details: the mount they are of. */
  readonly view?: SuperblockView;
}
/** A fact: what it is, and how it stands. */
export interface FieldNode {
  readonly type: 'field';
  readonly label: string;
  readonly value: string;
  readonly icon?: string;
  readonly tooltip?: string;
  /** What a screen reader says of the value, where it is a drawing. */
  readonly spoken?: string;
}
/** One change that was heard of. */
export interface ChangeNode {
  readonly type: 'change';
  readonly session: HostSession;
  readonly heard: HeardChange;
}
/** Where to go from here, while nothing or something else is open. */
export interface SectionNode {
  readonly type: 'section';
  readonly section: 'local' | 'favourites' | 'recent' | 'hosts';
}
/** A folder of a host that is mounted on this machine. */
export interface LocalFolderNode {
  readonly type: 'localFolder';
  readonly directory: string;
  /** HOST:/path */
  readonly source: string;
}
export interface FolderNode {
  readonly type: 'folder';
  readonly folder: RecentFolder;
}
/** A host of the SSH configuration that this window does not work with. */
export interface ConfiguredNode {
  readonly type: 'configured';
  readonly host: string;
}
export type Node =
  | HostNode
  | SuperblockNode
  | GroupNode
  | FieldNode
  | ChangeNode
  | SectionNode
  | FolderNode
  | LocalFolderNode
  | ConfiguredNode;
