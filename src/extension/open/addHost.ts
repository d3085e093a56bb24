import { appendFileSync, chmodSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import * as vscode from 'vscode';
import { parseTarget, type Target } from '../../ssh/config/target';
import { inWords } from '../errors';
import { t } from '../l10n';
import { ask, askText, showError, showInformation } from '../show';

/** A name that needs no quotes in ssh_config(5) and is no pattern. */
const ALIAS = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

/** The lines of a host, as they stand in ssh_config(5). */
export function configLines(alias: string, { host, user, port }: Target): string {
  return [
    `Host ${alias}`,
    `  HostName ${host}`,
    ...(user === undefined ? [] : [`  User ${user}`]),
    ...(port === undefined ? [] : [`  Port ${port}`]),
    '',
  ].join('\n');
}

/**
 * Asks for an address and a name, shows the lines that name the host in the SSH configuration, and writes them only if it is
 * told to. Gives the host to connect: by its name if that was written, else by its address.
 */
export async function addHost(
  configFile: string | undefined,
  configured: readonly string[],
): Promise<string | undefined> {
  const title = t('Add Host');
  const address = (
    await askText({ title, prompt: t('Its address, as user@host:port; user and port may be left out.') })
  )?.trim();
  if (address === undefined || address === '') return undefined;
  let target: Target;
  try {
    target = parseTarget(address);
    if (target.user !== undefined && /[\s"'#\\]/.test(target.user))
      throw new Error(t('{0} cannot be a user', target.user));
  } catch (error) {
    void showError(inWords(error).sentence);
    return undefined;
  }
  const prompt = t('A short name for it. Letters, digits, dots and dashes.');
  const alias = (await askText({ title, prompt, value: ALIAS.test(target.host) ? target.host : '' }))?.trim();
  if (alias === undefined) return undefined;
  if (!ALIAS.test(alias) || configured.includes(alias)) {
    void showError(
      configured.includes(alias)
        ? t('{0} is in your SSH configuration already.', alias)
        : t('{0} can’t be a name: use letters, digits, dots and dashes.', alias),
    );
    return undefined;
  }
  const file = configFile ?? path.join(homedir(), '.ssh/config');
  const lines = configLines(alias, target);
  const write = t('Write Them');
  const copy = t('Copy');
  const answer = await ask(t('Add these lines to {0}?', file), lines, write, copy);
  if (answer === write) {
    appendLines(file, lines);
    return alias;
  }
  if (answer === copy) {
    await vscode.env.clipboard.writeText(lines);
    void showInformation(t('The lines are in the clipboard; nothing was written.'));
  }
  return undefined;
}

/** Appends to the file, which is made as ssh(1) wants it if there is none. A link to it stays one. */
export function appendLines(file: string, lines: string): void {
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  const isNew = !existsSync(file);
  const before = isNew ? '' : readFileSync(file, 'utf8');
  const gap = before === '' ? '' : before.endsWith('\n') ? '\n' : '\n\n';
  appendFileSync(file, `${gap}${lines}`);
  if (isNew) chmodSync(file, 0o600);
}
