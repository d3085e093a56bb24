// What a host, a file name or another program says is shown as text: it cannot become a link that runs a command, move a
// cursor, turn the reading direction, or fill the screen, whatever door of the extension it leaves through.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import {
  answers,
  clear,
  commandsRun,
  fake,
  memento,
  type Shown,
  shown,
} from '../extension/support/fakeVscode';
import { POISONED_PATH, poisonedVfs } from '../extension/support/poisonedHost';
import { isFit, POISON } from '../fixtures/poison';
import type { MemoryVfs } from '../cli/memoryVfs';
import type { Vfs } from '../../src/client/vfs';
import { toEditorError } from '../../src/extension/errors';
import { AllowedHosts } from '../../src/extension/hosts/allowedHosts';
import { Hosts } from '../../src/extension/hosts/hosts';
import { Links } from '../../src/extension/open/links';
import { RecentFolders } from '../../src/extension/open/recentFolders';
import { Notices } from '../../src/extension/notices';
import { itemOf } from '../../src/extension/find/resultsView';
import { openFolder } from '../../src/extension/open/openFolder';
import { withProgress } from '../../src/extension/progress';
import { askSudoPassword, WindowPrompter } from '../../src/extension/prompts';
import { WindowQuestions } from '../../src/extension/questions';
import { RootSaves } from '../../src/extension/rootSaves';
import { WindowLog } from '../../src/extension/show';
import { UnfinishedSaveOffers } from '../../src/extension/unfinishedSaves';
import { uriOf } from '../../src/extension/uris';
import { MountDecorations } from '../../src/extension/views/decorations';
import { Explanations } from '../../src/extension/views/explain';
import { History } from '../../src/extension/views/history';
import { HostsTree } from '../../src/extension/views/hostsTree';
import type { Node } from '../../src/extension/views/nodes';
import { ConnectionStatus } from '../../src/extension/views/statusBar';
import { WatchHub } from '../../src/extension/watchHub';
import { checkFolders } from '../../src/extension/workspaceCheck';
import { ErrnoError } from '../../src/protocol/errno';
import { ConnectError } from '../../src/ssh/connectError';

const extension = path.resolve(__dirname, '../../src/extension');
const HOST = `h${POISON}`;
const POISONED = uriOf({ host: HOST, path: POISONED_PATH });
const RENDERS_AS_LINK = /\[[^\]]+\]\([^)\s]+/;
const SEVERAL_LINES = /\.(?:detail|prompt|tooltip)$|^(?:Markdown|TreeItem\.tooltip)/;

/** Hosts of one window, all of them poisoned. */
function poisonedHosts(vfs: Vfs = poisonedVfs()): Hosts {
  const log = new WindowLog();
  const connected = {
    vfs,
    rung: 'sftp',
    reason: POISON,
    home: async () => '/srv',
    asRoot: async () => vfs,
    openTcp: () => Promise.reject(new Error('no network')),
  };
  return new Hosts(async () => connected, log);
}

/** Waits until nothing more is shown. */
async function quiet(): Promise<void> {
  for (let before = -1; before !== shown.length; ) {
    before = shown.length;
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
}

const allowedHosts = () => new AllowedHosts(memento(), () => []);

const recentFolders = () => new RecentFolders(memento());
const opening = (hosts: Hosts) => ({
  hosts,
  allowed: allowedHosts(),
  recent: recentFolders(),
  log: new WindowLog(),
  configuredHosts: () => [HOST, POISON],
  configFile: () => POISON,
});

const failure = () => new ConnectError('agent', `the host printed: ${POISON}`);

/** Everything of the extension that shows, with poison in all that is not ours. */
const doors: Readonly<Record<string, () => unknown>> = {
  'notices about a host and its mounts': async () => {
    const hosts = poisonedHosts();
    const notices = new Notices(hosts);
    await hosts.session(HOST).vfs();
    notices.dispose();
  },
  'unfinished saves, which come by themselves at connecting': async () => {
    const hosts = poisonedHosts(poisonedVfs(9));
    const offers = new UnfinishedSaveOffers(hosts, new WindowLog());
    answers.push('Compare', undefined, undefined, 'Show Them');
    await hosts.session(HOST).vfs();
    await quiet();
    offers.dispose();
  },
  'the question about mounts in a folder': () =>
    new WindowQuestions().deleteMountsToo(POISONED_PATH, [POISONED_PATH, POISONED_PATH]),
  'a save conflict': () =>
    new WindowQuestions().saveConflict(POISONED, Promise.resolve(undefined), () => undefined),
  'a save that wants root': () => new RootSaves(poisonedHosts()).offer(POISONED),
  'a file that is unlocked for root': () => new RootSaves(poisonedHosts()).save(POISONED),
  'the words of sudo': () => askSudoPassword(HOST, 2, POISON),
  'a host key': () =>
    new WindowPrompter().confirmHostKey({
      host: HOST,
      keyType: POISON,
      fingerprint: POISON,
      otherTypes: [POISON],
    } as never),
  'questions of the host': () =>
    new WindowPrompter().keyboardInteractive({
      host: HOST,
      name: POISON,
      instructions: POISON,
      prompts: [{ text: POISON, echo: false }],
    } as never),
  'a passphrase and a password': async () => {
    const prompter = new WindowPrompter();
    void prompter.passphrase({ keyFile: POISON, wrong: true } as never);
    void new WindowPrompter().password({ user: POISON, host: POISON, wrong: true } as never);
  },
  'progress of a long operation': async () => {
    await withProgress(`Reading ${POISONED_PATH}`, () => new Promise((resolve) => setTimeout(resolve, 1100)));
  },
  'an error of the provider': () => toEditorError(new ErrnoError('EIO', `the host says ${POISON}`), 'read'),
  'an error of connecting, in the explorer': () => toEditorError(failure(), 'look'),
  'a folder that cannot be opened': async () => {
    fake.workspace.workspaceFolders = [{ uri: POISONED as never, name: 'x' }];
    await checkFolders(poisonedHosts(), recentFolders(), new WindowLog());
    const unreachable = new Hosts(() => Promise.reject(failure()), new WindowLog());
    void checkFolders(unreachable, recentFolders(), new WindowLog());
    await quiet();
    unreachable.dispose();
  },
  'a link from outside': () =>
    new Links(allowedHosts(), new WindowLog()).handleUri(
      fake.Uri.from({ scheme: 'vscode', path: `/build${POISONED_PATH}` }) as never,
    ),
  'a link that names no host': () =>
    new Links(allowedHosts(), new WindowLog()).handleUri(
      fake.Uri.from({ scheme: 'vscode', path: `/${POISON.replaceAll('/', '')}/x` }) as never,
    ),
  'a host that nobody named': () => allowedHosts().permit(HOST),
  'picking a host': () => void openFolder(opening(poisonedHosts())),
  'the tree of hosts': async () => {
    const hosts = poisonedHosts();
    const watches = new WatchHub(hosts, new WindowLog());
    const history = new History(hosts, watches);
    const recent = recentFolders();
    await recent.opened({ host: HOST, path: POISONED_PATH });
    const tree = new HostsTree({
      hosts,
      watches,
      history,
      recent,
      configuredHosts: () => [POISON],
      localFolders: () => [{ directory: `/run/${POISON}`, source: `${HOST}:${POISONED_PATH}` }],
    });
    const vfs = await hosts.session(HOST).vfs();
    watches.watch(uriOf({ host: HOST, path: '/srv' }), true, []);
    (vfs as unknown as MemoryVfs).happen('rename', POISONED_PATH, { to: POISONED_PATH });
    const visit = async (node?: Node): Promise<void> => {
      if (node !== undefined) leaveItem(tree.getTreeItem(node));
      for (const child of await tree.getChildren(node)) await visit(child);
    };
    await visit();
    history.dispose();
    tree.dispose();
  },
  'the status bar': async () => {
    fake.workspace.workspaceFolders = [{ uri: POISONED as never, name: 'x' }];
    const hosts = poisonedHosts();
    await hosts.session(HOST).vfs();
    new ConnectionStatus(hosts).dispose();
    const failing = new Hosts(() => Promise.reject(failure()), new WindowLog());
    await failing
      .session(HOST)
      .vfs()
      .catch(() => undefined);
    new ConnectionStatus(failing).dispose();
  },
  'a decoration in the explorer': async () => {
    const hosts = poisonedHosts();
    const decorations = new MountDecorations(hosts);
    await hosts.session(HOST).vfs();
    const tooltip = decorations.provideFileDecoration(POISONED)?.tooltip ?? '';
    assert.notEqual(tooltip, '');
    shown.push({ door: 'FileDecoration.tooltip', text: tooltip });
  },
  '“Explain This File”': async () => {
    const explanations = new Explanations(poisonedHosts());
    await explanations.show(POISONED);
    const page = commandsRun.find(({ id }) => id === 'markdown.showPreview')?.args[0] as typeof POISONED;
    shown.push({ door: 'tab', text: page.path });
    shown.push({ door: 'Markdown', text: await explanations.provideTextDocumentContent(page) });
  },
  'results of a search': () => {
    const folder = { uri: uriOf({ host: HOST, path: '/' }) as never, name: POISON, index: 0 };
    const path = POISONED_PATH;
    const file = { type: 'file', uri: uriOf({ host: HOST, path }), folder, path, matches: [] } as const;
    leaveItem(itemOf(file));
    for (let column = 0; column < POISON.length; column += 3) {
      const place = { line: 0, column, endLine: 0, endColumn: column + 5, previewColumn: 0, preview: POISON };
      const { label, ...item } = itemOf({ type: 'match', file, match: place });
      leaveItem({ label: (label as { label: string }).label, ...item } as never);
    }
  },
  'the log': async () => {
    const hosts = new Hosts(() => Promise.reject(failure()), new WindowLog());
    await hosts
      .session(HOST)
      .vfs()
      .catch(() => undefined);
    const log = new WindowLog();
    for (const level of ['trace', 'debug', 'info', 'warn', 'error'] as const) log[level](POISON);
  },
};

function leaveItem(item: {
  label?: unknown;
  description?: unknown;
  tooltip?: unknown;
  accessibilityInformation?: { label: string };
}): void {
  for (const [name, value] of Object.entries({
    label: item.label,
    description: item.description,
    tooltip: item.tooltip,
    spoken: item.accessibilityInformation?.label,
  })) {
    if (typeof value === 'string') shown.push({ door: `TreeItem.${name}`, text: value });
  }
}

for (const [name, open] of Object.entries(doors)) {
  test(`${name}: poison is shown as text`, async () => {
    clear();
    fake.workspace.workspaceFolders = [];
    await open();
    await quiet();
    assert.ok(shown.length > 0, 'nothing was shown');
    assert.ok(
      shown.some(({ text }) => text.includes('begin')),
      'the poison went another way',
    );
    for (const item of shown) assertHarmless(item);
  });
}

function assertHarmless({ door, text }: Shown): void {
  const where = `${door}: ${JSON.stringify(text)}`;
  assert.ok(isFit(SEVERAL_LINES.test(door) ? text.replaceAll('\n', '') : text), where);
  assert.ok(text.length <= 8192, `${door}: ${text.length} characters`);
  if (door === 'Markdown' || door === 'statusBar.tooltip') {
    assert.doesNotMatch(text, /(?<!\\)\[Repair now(?<!\\)\]|(?<!\\)<b>|(?<!\\)\*\*bold/, where);
  } else if (door !== 'log') {
    assert.doesNotMatch(text, RENDERS_AS_LINK, where);
    // Icons of ours stand at the beginning of the status bar's text only.
    assert.doesNotMatch(door === 'statusBar.text' ? text.replace(/^\$\([\w~-]+\)/, '') : text, /\$\(/, where);
  }
}

test('a host that lists thousands of unfinished saves is one question, three at most, and “N more”', async () => {
  clear();
  const hosts = poisonedHosts(poisonedVfs(5000));
  const offers = new UnfinishedSaveOffers(hosts, new WindowLog());
  await hosts.session('build').vfs();
  await quiet();
  const messages = shown.filter(({ door }) => door === 'showWarningMessage').map(({ text }) => text);
  assert.equal(messages.length, 4);
  assert.match(messages[3] ?? '', /4997 more/);
  offers.dispose();
});

/** The editor's functions and classes that show text, and the files that may use them: the doors. */
const MAY_SHOW: readonly (readonly [RegExp, readonly string[]])[] = [
  [/\bshow(?:Error|Warning|Information)Message\b/, ['show.ts']],
  [/\bshowInputBox\b|\bcreateInputBox\b|\bshowQuickPick\b|\bcreateQuickPick\b/, ['show.ts']],
  [/\bwindow\.withProgress\b|\bsetStatusBarMessage\b|\bcreateOutputChannel\b|'vscode\.diff'/, ['show.ts']],
  [/\bFileSystemError\(|\bFileSystemError\.\w+\(/, ['errors.ts']],
  [/\bnew vscode\.TreeItem\b/, ['views/item.ts']],
  [
    /\bnew vscode\.FileDecoration\b/,
    ['views/decorations.ts', 'views/closedFolders.ts', 'git/gitDecorations.ts'],
  ],
  [/\bnew vscode\.MarkdownString\b/, ['views/statusBar.ts', 'git/blameView.ts']],
  [/\bcreateSourceControl\b|\binputBox\.placeholder\b/, ['git/sourceControl.ts']],
  [/'vscode\.changes'/, ['git/history.ts']],
  [/\bcreateStatusBarItem\b/, ['views/statusBar.ts']],
  [/\bregisterTextDocumentContentProvider\b/, ['views/explain.ts', 'find/documents.ts']],
  [/\bcreateWebviewPanel\b|\bregisterWebview\w+\b/, []],
];

test('nothing in the extension shows text but through the doors that this test knows', () => {
  const files = readdirSync(extension, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  );
  assert.ok(files.length > 20);
  for (const file of files) {
    const text = readFileSync(path.join(extension, file), 'utf8');
    for (const [shows, mayShow] of MAY_SHOW) {
      const found = shows.exec(text)?.[0];
      assert.ok(
        found === undefined || mayShow.includes(file),
        `${file} uses ${found}; use show.ts, errors.ts or views/item.ts`,
      );
    }
  }
});
