import type * as vscode from 'vscode';
import type { GitQuestion } from '../../client/git/host';
import { agentSocketOf } from '../../ssh/auth/agentSocket';
import { askAgent } from '../../ssh/auth/askAgent';
import { t } from '../l10n';
import { setting } from '../settings';
import { askText, showInformation } from '../show';

/** Git's own questions: what they name is the remote's address, which git took from the repository, not from a server. */
const OF_GIT = /^(Username|Password) for '(.{1,2000})': $/;
/** What is typed in the open: a name, or yes and no. */
const OPEN = /^Username for |yes\/no|passphrase\? \(y/i;

/** Requests of a host to the SSH agent of this machine; undefined where the user has not allowed that, or there is none. */
export function forwardedAgent(host: string): ((request: Buffer) => Promise<Buffer | undefined>) | undefined {
  if (setting('livemount.git.forwardAgent')[host] !== 'on') return undefined;
  const socket = agentSocketOf({}, process.env);
  return socket === undefined ? undefined : (request) => askAgent(socket, request);
}

/** One transfer's answers. Whoever began it says how it ended. */
export interface Answers {
  readonly ask: (question: GitQuestion) => Promise<string | undefined>;
  /** The remote let git in: what was typed may be kept, if the user likes. */
  worked(): Promise<void>;
  /** It did not: what was kept is forgotten. */
  failed(): Promise<void>;
}

/**
 * Passwords for remotes, typed in the window, and kept in the system's keychain if the user wants that. Only what git itself
 * asks is kept or answered from there, by host and remote: an ssh passes on what its server asks, and a server can ask for
 * the password of another one in git's words.
 */
export class RemotePasswords {
  constructor(private readonly secrets: vscode.SecretStorage) {}

  answersOn(host: string): Answers {
    const typed = new Map<string, string>();
    const used = new Set<string>();
    return {
      ask: async ({ by, prompt }) => {
        const isKept = by === 'git' && OF_GIT.test(prompt);
        const key = `git\0${host}\0${prompt}`;
        if (isKept && !used.has(key)) {
          used.add(key);
          const kept = await this.secrets.get(key);
          if (kept !== undefined) return kept;
        }
        const answer = await askText({
          title: by === 'git' ? t('Git on {0}', host) : t('SSH on {0}, for git', host),
          prompt,
          password: !OPEN.test(prompt),
        });
        if (answer !== undefined && isKept) typed.set(key, answer);
        return answer;
      },
      worked: async () => {
        if (typed.size === 0) return;
        const keep = t('Keep');
        const answer = await showInformation(
          t('Keep what you typed for this remote in the keychain of this machine?'),
          keep,
          t('No'),
        );
        if (answer === keep) for (const [key, value] of typed) await this.secrets.store(key, value);
      },
      failed: async () => {
        for (const key of used) await this.secrets.delete(key);
      },
    };
  }
}
