// What is noted must be there for the next agent, whatever happened to the notes before it.
import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { HostFile, HostFs } from '../../src/server/host/hostFs';
import { SaveJournal } from '../../src/server/save/journal';
import { openRecords, type SaveRecord } from '../../src/server/save/record';
import { FaultHostFs } from '../fixtures/faultHostFs';
import { openHost, Places } from './places';

const noted = (name: string) =>
  ({
    kind: 'temporary',
    directory: Buffer.from('/w'),
    temporary: Buffer.from(`.${name}.livemount-abcdefghijkl`),
  }) as const;

function journalIn(host: HostFs, folder: string) {
  const journal = new SaveJournal(host, Buffer.from(folder), { owner: 'test', log: () => undefined });
  const records = (): SaveRecord[] => openRecords(readFileSync(join(folder, 'test.saves')));
  return { journal, records };
}

test('a record is found behind one that the disk had no room for', async () => {
  using places = new Places();
  const faulty = new FaultHostFs(openHost());
  const { journal, records } = journalIn(faulty.host, places.folder('run'));
  await journal.begin(noted('first'));
  faulty.arm('ENOSPC', 1);
  await journal.begin(noted('without room'));
  faulty.disarm();
  await journal.begin(noted('then'));
  assert.deepEqual(records(), [noted('first'), noted('then')]);
});

test('an agent ends in peace where somebody has tidied its journal up', async () => {
  using places = new Places();
  const folder = places.folder('run');
  const { journal } = journalIn(openHost(), folder);
  await (await journal.begin(noted('only'))).end();
  rmSync(join(folder, 'test.saves'));
  await journal.close();
});

/** A host whose truncations take as long as it is told: until `go`. */
function slowToTruncate(host: HostFs): { host: HostFs; go(): void } {
  let go = () => {};
  const gone = new Promise<void>((resolve) => {
    go = resolve;
  });
  const slow = (file: HostFile): HostFile =>
    new Proxy(file, {
      get: (target, key) => {
        if (key === 'truncate') return (size: bigint) => gone.then(() => target.truncate(size));
        const member = Reflect.get(target, key) as unknown;
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
  const proxy = new Proxy(host, {
    get: (target, key) => {
      const member = Reflect.get(target, key) as unknown;
      if (typeof member !== 'function') return member;
      if (key !== 'create') return member.bind(target);
      return async (...args: Parameters<HostFs['create']>) => {
        const made = await target.create(...args);
        return { ...made, file: slow(made.file) };
      };
    },
  });
  return { host: proxy, go: () => go() };
}

test('a record that begins while the journal starts over is not cut off with those before it', async () => {
  using places = new Places();
  const slow = slowToTruncate(openHost());
  const { journal, records } = journalIn(slow.host, places.folder('run'));
  // More than a journal holds before it starts over.
  const long = await journal.begin(noted('x'.repeat(70_000)));
  const ending = long.end();
  await turn();
  const beginning = journal.begin(noted('then'));
  await turn();
  slow.go();
  await Promise.all([ending, beginning]);
  assert.deepEqual(records(), [noted('then')]);
});
