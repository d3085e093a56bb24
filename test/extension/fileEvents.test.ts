import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Change, ChangeKind } from '../../src/client/vfs';
import { FileEventType, toEditorEvents } from '../../src/extension/fileEvents';
import type { SuperblockId } from '../../src/protocol/brand';

const { Changed, Created, Deleted } = FileEventType;

function change(kind: ChangeKind, path: string, to?: string): Change {
  return {
    kind,
    path,
    isDirectory: false,
    sb: 1n as SuperblockId,
    seq: 1n,
    timeNs: 0n,
    ...(to !== undefined && { to }),
  };
}

test('creations, changes and deletions stay in their order', () => {
  const { events, staleBelow } = toEditorEvents([
    change('create', '/a'),
    change('modify', '/a'),
    change('delete', '/a'),
    change('attrib', '/b'),
  ]);
  assert.deepEqual(events, [
    { type: Created, path: '/a' },
    { type: Changed, path: '/a' },
    { type: Deleted, path: '/a' },
    { type: Changed, path: '/b' },
  ]);
  assert.deepEqual(staleBelow, []);
});

test('a rename is a deletion here and a creation there', () => {
  const { events } = toEditorEvents([change('rename', '/a', '/b')]);
  assert.deepEqual(events, [
    { type: Deleted, path: '/a' },
    { type: Created, path: '/b' },
  ]);
});

test('a mount that came or went makes everything below its mount point another thing', () => {
  for (const kind of ['mount', 'unmount'] as const) {
    const { events, staleBelow } = toEditorEvents([change(kind, '/mnt')]);
    assert.deepEqual(
      events.map(({ type }) => type),
      [Deleted, Created],
      kind,
    );
    assert.deepEqual(staleBelow, ['/mnt'], kind);
  }
});

test('an overflow tells of no file, but that the folder must be listed again', () => {
  const { events, staleBelow } = toEditorEvents([change('overflow', '/src')]);
  assert.deepEqual(events, []);
  assert.deepEqual(staleBelow, ['/src']);
});

test('an error the filesystem reports changes no file', () => {
  assert.deepEqual(toEditorEvents([change('error', '/')]), { events: [], staleBelow: [] });
});
