import * as vscode from 'vscode';
import { fitToShow, fitToShowLines } from '../../base/fitToShow';

export interface ItemWords {
  readonly label: string;
  /** Beside the label, dimmed. */
  readonly description?: string;
  /** What the mouse shows; the label and the description where there is nothing more to say. */
  readonly tooltip?: string;
  /** What a screen reader says instead of label and description. */
  readonly spoken?: string;
}

/**
 * The door of the trees: a tree item whose words are fit to show, and which a screen reader reads by its label and
 * description (the editor would read the tooltip in their place).
 */
export function treeItem(
  words: ItemWords,
  collapsible = vscode.TreeItemCollapsibleState.None,
): vscode.TreeItem {
  const { label, description, tooltip, spoken } = words;
  const item = new vscode.TreeItem(fitToShow(label), collapsible);
  if (description !== undefined && description !== '') item.description = fitToShow(description);
  item.tooltip = fitToShowLines(tooltip ?? [label, description].filter(Boolean).join(': '));
  item.accessibilityInformation = {
    label: fitToShow(spoken ?? [label, description].filter(Boolean).join(', ')),
  };
  return item;
}

/** The same with a part of the label marked, as where something was found. Each piece is made fit by itself, so that the mark stays. */
export function markedItem(
  [before, marked, after]: readonly [string, string, string],
  words: Omit<ItemWords, 'label'>,
): vscode.TreeItem {
  const end = fitToShow(after);
  const middle = apart(fitToShow(marked), end);
  const start = apart(fitToShow(before), middle);
  const label = `${start}${middle}${end}`;
  const item = treeItem({ label, ...words });
  item.label = { label, highlights: [[start.length, start.length + middle.length]] };
  return item;
}

/** The first of two texts that are shown one behind the other, so that no link and no icon forms between them. */
function apart(text: string, next: string): string {
  return /[\]$]$/.test(text) && next.startsWith('(') ? `${text}\u200b` : text;
}
