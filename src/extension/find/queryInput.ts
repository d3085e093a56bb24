import * as vscode from 'vscode';
import { DisposableStore, onDispose } from '../../base/dispose';
import { t } from '../l10n';
import { askText, ShownPick } from '../show';
import type { Wanted } from './wanted';

/** Queries that are remembered. */
const HISTORY_MAX = 30;
const HISTORY_KEY = 'livemount.find.history';

/** What was searched for before, the newest first. */
export class QueryHistory {
  constructor(private readonly memory: vscode.Memento) {}

  get all(): readonly Wanted[] {
    return this.memory.get<readonly Wanted[]>(HISTORY_KEY, []);
  }

  async add(wanted: Wanted): Promise<void> {
    const others = this.all.filter(({ pattern }) => pattern !== wanted.pattern);
    await this.memory.update(HISTORY_KEY, [wanted, ...others].slice(0, HISTORY_MAX));
  }
}

type Toggle = 'matchCase' | 'wholeWord' | 'isRegex' | 'ignoreFiles';

interface QueryItem extends vscode.QuickPickItem {
  /** Nothing: the line that asks for files. */
  readonly wanted?: Wanted;
}

const ON = new vscode.ThemeColor('inputOption.activeForeground');
const OFF = new vscode.ThemeColor('disabledForeground');

/**
 * Asks what to search for: a line with buttons for case, words, expressions and ignore files, which show their state, and below
 * what was searched for before. Undefined if the user left it.
 */
export async function askWanted(start: Wanted, history: QueryHistory): Promise<Wanted | undefined> {
  let wanted = start;
  for (;;) {
    const answer = await askOnce(wanted, history);
    if (answer === undefined || answer.kind === 'search') return answer?.wanted;
    wanted = answer.wanted;
    const files = await askText({
      title: t('Search in Which Files?'),
      prompt: t('Globs, separated by commas; ! before one leaves out. For example: *.ts, src/**, !dist'),
      value: wanted.files,
    });
    if (files !== undefined) wanted = { ...wanted, files: files.trim() };
  }
}

type Answer = { readonly kind: 'search' | 'files'; readonly wanted: Wanted };

function askOnce(start: Wanted, history: QueryHistory): Promise<Answer | undefined> {
  const owned = new DisposableStore();
  const shown = owned.add(new ShownPick<QueryItem>());
  const { picker } = shown;
  let wanted = start;
  const buttons = new Map<vscode.QuickInputButton, Toggle>();
  const drawButtons = () => {
    buttons.clear();
    const add = (toggle: Toggle, icon: string, words: string) => {
      const state = wanted[toggle] ? t('on') : t('off');
      const button = {
        iconPath: new vscode.ThemeIcon(icon, wanted[toggle] ? ON : OFF),
        tooltip: `${words}: ${state}`,
      };
      buttons.set(button, toggle);
    };
    add('matchCase', 'case-sensitive', t('Match Case'));
    add('wholeWord', 'whole-word', t('Match Whole Word'));
    add('isRegex', 'regex', t('Use Regular Expression'));
    add('ignoreFiles', 'exclude', t('Leave Out What .gitignore Names'));
    picker.buttons = [...buttons.keys()];
  };
  const drawItems = () => {
    const files = wanted.files === '' ? t('all files') : wanted.files;
    shown.items = [
      { label: `$(filter) ${t('Files: {0}', files)}`, alwaysShow: true },
      ...history.all.map((past) => ({
        label: past.pattern,
        description: [
          past.isRegex ? '.*' : '',
          past.matchCase ? 'Aa' : '',
          past.wholeWord ? 'ab' : '',
          past.files,
        ]
          .filter((word) => word !== '')
          .join('  '),
        wanted: past,
      })),
    ];
    // Enter searches for what is typed; the list is for the arrow keys.
    picker.activeItems = [];
  };
  shown.title = t('Find in Files on the Host');
  shown.placeholder = t('Text to search for; Enter searches');
  picker.value = wanted.pattern;
  drawButtons();
  drawItems();
  return new Promise<Answer | undefined>((resolve) => {
    const subscriptions = [
      picker.onDidChangeValue((pattern) => {
        wanted = { ...wanted, pattern };
        picker.activeItems = [];
      }),
      picker.onDidTriggerButton((button) => {
        const toggle = buttons.get(button);
        if (toggle === undefined) return;
        wanted = { ...wanted, [toggle]: !wanted[toggle] };
        drawButtons();
      }),
      picker.onDidAccept(() => {
        const [item] = picker.activeItems;
        if (item !== undefined && item.wanted === undefined) resolve({ kind: 'files', wanted });
        else if (item?.wanted !== undefined) resolve({ kind: 'search', wanted: item.wanted });
        else if (wanted.pattern !== '') resolve({ kind: 'search', wanted });
      }),
      picker.onDidHide(() => resolve(undefined)),
    ];
    for (const subscription of subscriptions) owned.add(onDispose(() => subscription.dispose()));
    picker.show();
  }).finally(() => owned.dispose());
}
