// The measuring itself: what is counted, replayed and written down must be right before any number is.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Peer } from '../../bench/ops/peer';
import { replay, type TracedCall } from '../../bench/ops/trace';
import { digits, duration, median, quantile, rate } from '../../bench/report/numbers';
import { markdownTable, writeMarked } from '../../bench/report/page';
import { TcpProxy } from '../fixtures/proxy';

/** A client of an echo server behind a proxy that delays by so many ms in each direction. */
async function echoThrough(t: TestContext, delay: number): Promise<{ client: Socket; proxy: TcpProxy }> {
  const server = createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const proxy = await TcpProxy.start({ targetPort: address.port, delay });
  t.after(() => proxy.dispose());
  const client = connect(proxy.port, '127.0.0.1').setNoDelay(true);
  t.after(() => client.destroy());
  await once(client, 'connect');
  return { client, proxy };
}

/** Reads so many bytes. */
async function received(client: Socket, count: number): Promise<void> {
  for (let got = 0; got < count; ) {
    const [chunk] = (await once(client, 'data')) as [Buffer];
    got += chunk.length;
  }
}

test('each request that waits for the answer before it is one round trip', async (t) => {
  const { client, proxy } = await echoThrough(t, 30);
  for (let i = 0; i < 5; i++) {
    client.write('x');
    await received(client, 1);
  }
  assert.equal(proxy.roundTrips, 5);
});

test('requests that leave together are one round trip, however many', async (t) => {
  const { client, proxy } = await echoThrough(t, 30);
  for (let i = 0; i < 50; i++) client.write('x'.repeat(100));
  await received(client, 5_000);
  assert.equal(proxy.roundTrips, 1);
});

test('two chains side by side count once', async (t) => {
  const { client, proxy } = await echoThrough(t, 30);
  client.write('a');
  client.write('b');
  await received(client, 2);
  client.write('a');
  client.write('b');
  await received(client, 2);
  assert.equal(proxy.roundTrips, 2);
});

/** A peer that only notes what is asked, and answers when it is told to. */
class Noting {
  readonly asked: string[] = [];
  private readonly pending = new Map<string, () => void>();

  readonly peer = {
    stat: (name: string) => this.ask(name).then(() => true),
    list: (name: string) => this.ask(name).then(() => 0),
    read: (name: string) => this.ask(name).then(() => undefined),
    watch: (name: string) => void this.asked.push(name),
  } as unknown as Peer;

  async answer(name: string): Promise<void> {
    this.pending.get(name)?.();
    await new Promise((resolve) => setImmediate(resolve));
  }

  private ask(name: string): Promise<void> {
    this.asked.push(name);
    return new Promise((resolve) => this.pending.set(name, resolve));
  }
}

test('a replay asks at once what was asked at once, and waits for what was waited for', async () => {
  const calls: TracedCall[] = [
    { call: 'watch', path: 'w', start: 0, recursive: true },
    { call: 'stat', path: 'a', start: 1, end: 10 },
    { call: 'readFile', path: 'b', start: 2, end: 30 },
    { call: 'readDirectory', path: 'after-a', start: 12, end: 20 },
    { call: 'stat', path: 'after-all', start: 40, end: 50 },
  ];
  const noting = new Noting();
  const replayed = replay(noting.peer, '/root', calls);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(noting.asked, ['/root/w', '/root/a', '/root/b']);
  await noting.answer('/root/a');
  assert.deepEqual(noting.asked.slice(3), ['/root/after-a']);
  await noting.answer('/root/after-a');
  assert.equal(noting.asked.length, 4, 'b is not answered yet');
  await noting.answer('/root/b');
  assert.deepEqual(noting.asked.slice(4), ['/root/after-all']);
  await noting.answer('/root/after-all');
  await replayed;
});

test('the recorded calls are those of an editor that opens a folder', () => {
  const file = path.resolve(__dirname, '../../bench/ops/openFolder.json');
  const calls = JSON.parse(readFileSync(file, 'utf8')) as TracedCall[];
  const count = (kind: TracedCall['call']) => calls.filter(({ call }) => call === kind).length;
  assert.ok(
    count('stat') >= 20 && count('readFile') >= 10 && count('readDirectory') >= 1 && count('watch') >= 5,
  );
  for (const { start, end } of calls) assert.ok(start >= 0 && (end === undefined || end >= start));
});

test('numbers are rounded for people', () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([1, 2]), 1.5);
  assert.equal(quantile([10, 20, 30, 40, 50], 0.99), 49.6);
  assert.ok(Number.isNaN(median([])));
  assert.deepEqual([0, 0.01234, 1.2345, 123.45, 98_765.4].map(digits), [
    '0',
    '0.012',
    '1.23',
    '123',
    '98765',
  ]);
  assert.equal(duration(1500), '1.50 s');
  assert.equal(rate(5e6, 1000), '5.00 MB/s');
});

test('a table replaces what stood between its markers, and nothing else', (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'livemount-page-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const page = path.join(folder, 'page.md');
  writeFileSync(
    page,
    'a\n<!-- table one -->\nold\n<!-- end -->\nb\n<!-- table two -->\nkept\n<!-- end -->\n',
  );
  writeMarked(page, 'one', markdownTable(['', 'x'], [['row', '1']]));
  assert.equal(
    readFileSync(page, 'utf8'),
    'a\n<!-- table one -->\n\n|  | x |\n| --- | ---: |\n| row | 1 |\n\n<!-- end -->\nb\n<!-- table two -->\nkept\n<!-- end -->\n',
  );
  assert.throws(() => writeMarked(page, 'three', ''), /no place/);
});
