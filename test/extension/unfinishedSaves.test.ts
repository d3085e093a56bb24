import assert from 'node:assert/strict';
import { test } from 'node:test';
import './support/fakeVscode';
import { connectedTo } from './support/connectedTo';
import { MemoryVfs } from '../cli/memoryVfs';
import { Hosts } from '../../src/extension/hosts/hosts';
import { WindowLog } from '../../src/extension/show';
import { UnfinishedSaveOffers } from '../../src/extension/unfinishedSaves';

/** Counts who follows the state of any of its trees. */
class CountedVfs extends MemoryVfs {
  static followers = 0;

  override onStateChange(listener: Parameters<MemoryVfs['onStateChange']>[0]) {
    CountedVfs.followers++;
    const subscription = super.onStateChange(listener);
    return {
      dispose: () => {
        CountedVfs.followers--;
        subscription.dispose();
      },
    };
  }
}

test('a host that is connected again and again is followed once', async () => {
  const log = new WindowLog();
  const hosts = new Hosts(async () => connectedTo(new CountedVfs()), log);
  const alone = await followersAfter(hosts, 1);
  const offers = new UnfinishedSaveOffers(hosts, log);
  assert.equal(await followersAfter(hosts, 20), alone + 1);
  offers.dispose();
  assert.equal(CountedVfs.followers, alone);
});

async function followersAfter(hosts: Hosts, connections: number): Promise<number> {
  const session = hosts.session('build');
  for (let i = 0; i < connections; i++) {
    session.disconnect();
    await session.reconnect();
  }
  return CountedVfs.followers;
}
