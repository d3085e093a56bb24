import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { clear, fake } from './support/fakeVscode';
import { connectedTo } from './support/connectedTo';
import { MemoryVfs } from '../cli/memoryVfs';
import { ErrnoError } from '../../src/protocol/errno';
import { Hosts } from '../../src/extension/hosts/hosts';
import { WindowLog } from '../../src/extension/show';
import { uriOf } from '../../src/extension/uris';
import { ClosedFolders } from '../../src/extension/views/closedFolders';
import { WatchHub } from '../../src/extension/watchHub';

beforeEach(clear);

test('a folder that could not be listed is marked, until it can be or its rights change', async () => {
  const vfs = new MemoryVfs();
  const log = new WindowLog();
  const hosts = new Hosts(async () => connectedTo(vfs), log);
  const watches = new WatchHub(hosts, log);
  const closed = new ClosedFolders(watches);
  const secret = uriOf({ host: 'build', path: '/srv/secret' });
  const marked = () => closed.provideFileDecoration(secret)?.tooltip ?? '';
  await hosts.session('build').vfs();
  watches.watch(uriOf({ host: 'build', path: '/srv' }), true, []);
  const drawn: string[] = [];
  closed.onDidChangeFileDecorations((uris) => drawn.push(...uris.map((uri) => uri.path)));
  const next = () => new Promise((resolve) => setImmediate(resolve));

  closed.failed(secret, new ErrnoError('ENOENT', '/srv/secret'));
  assert.equal(marked(), '');
  closed.failed(secret, new ErrnoError('EACCES', '/srv/secret'));
  await next();
  assert.match(marked(), /may not look into this folder/);
  assert.equal(closed.provideFileDecoration(uriOf({ host: 'db', path: '/srv/secret' })), undefined);
  closed.opened(secret);
  await next();
  assert.equal(marked(), '');

  closed.failed(secret, new ErrnoError('EACCES', '/srv/secret'));
  vfs.happen('attrib', '/srv/other');
  assert.notEqual(marked(), '');
  let listed = 0;
  watches.onDidGoStale(() => listed++);
  vfs.happen('attrib', '/srv/secret');
  await next();
  assert.equal(marked(), '');
  assert.equal(listed, 1, 'the explorer lists again');
  assert.deepEqual(drawn, Array(4).fill('/srv/secret'));
  assert.equal(fake.workspace.textDocuments.length, 0);
  closed.dispose();
  hosts.dispose();
});
