import * as vscode from 'vscode';
import { isSettingValue, SETTINGS, type SettingName, type SettingValue } from './settingsTable';

/** A setting's value for a resource; a value that the table does not allow counts as not set. */
export function setting<N extends SettingName>(name: N, scope?: vscode.Uri): SettingValue<N> {
  const value: unknown = vscode.workspace.getConfiguration(undefined, scope ?? null).get(name);
  return isSettingValue(name, value) ? value : (SETTINGS[name].default as SettingValue<N>);
}

/** Calls when the user changes the setting. */
export function onSettingChange(name: SettingName, listener: () => void): vscode.Disposable {
  return vscode.workspace.onDidChangeConfiguration((change) => {
    if (change.affectsConfiguration(name)) listener();
  });
}
