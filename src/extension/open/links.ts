import * as vscode from 'vscode';
import type { AllowedHosts } from '../hosts/allowedHosts';
import { t } from '../l10n';
import type { Log } from '../log';
import { ask, showError } from '../show';
import { placeOf, SCHEME, uriOf } from '../uris';
import { parseTarget } from '../../ssh/config/target';
import { inWords } from '../errors';

/**
 * Opens `vscode://livemount.livemount/HOST/absolute/path`, a link that a web page or a mail can hold: always after a
 * question that names host and folder, and never anything but opening a folder.
 */
export class Links implements vscode.UriHandler {
  constructor(
    private readonly allowed: AllowedHosts,
    private readonly log: Log,
  ) {}

  async handleUri(link: vscode.Uri): Promise<void> {
    const [, authority = '', ...names] = link.path.split('/');
    const place = placeOf(vscode.Uri.from({ scheme: SCHEME, authority, path: `/${names.join('/')}` }));
    try {
      parseTarget(place.host);
    } catch (error) {
      this.log.warn(`a link was refused: ${link.path}`);
      void showError(inWords(error).sentence);
      return;
    }
    const open = t('Open');
    const answer = await ask(
      t('Open {0} on {1}?', place.path, place.host),
      t(
        'A link asks for it. Opening it connects to the host over SSH. Open it only if you know who made the link.',
      ),
      open,
    );
    if (answer !== open) return;
    await this.allowed.allow(place.host);
    await vscode.commands.executeCommand('vscode.openFolder', uriOf(place), { forceNewWindow: true });
  }
}
