// The texts of ours that people read, and which of them have no German yet:
//   node --import tsx scripts/l10n.ts      lists what is missing; a test sees that nothing is.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import {
  ATTEMPTS,
  LOCAL_MESSAGES,
  MESSAGES,
  UNKNOWN_LOCAL_REASON,
  UNKNOWN_REASON,
} from '../src/client/describe';
import { commandEntries } from '../src/extension/commandTable';
import { editorManifest } from './contributes';

const projectFolder = path.resolve(__dirname, '..');
const source = path.join(projectFolder, 'src/extension');

/** Literals that are passed to `t`: 'x' or "x", alone or with arguments behind. */
const CALL = /\bt\(\s*('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")/g;

/** Every text that the running extension shows in the editor's language. */
export function shownTexts(): ReadonlySet<string> {
  const texts = new Set<string>();
  for (const file of readdirSync(source, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts')) continue;
    for (const [, literal = ''] of readFileSync(path.join(source, file), 'utf8').matchAll(CALL)) {
      texts.add(unquoted(literal));
    }
  }
  for (const [, { title }] of commandEntries) texts.add(title);
  for (const attempt of Object.values(ATTEMPTS)) texts.add(attempt);
  for (const entry of [...Object.values(MESSAGES), ...Object.values(LOCAL_MESSAGES)]) {
    for (const one of [entry, ...Object.values(entry.when ?? {})]) {
      for (const text of [one.reason, one.advice]) if (text !== undefined) texts.add(text);
    }
  }
  texts.add(UNKNOWN_REASON);
  texts.add(UNKNOWN_LOCAL_REASON);
  return texts;
}

function unquoted(literal: string): string {
  return literal.slice(1, -1).replace(/\\(.)/g, (_whole, char: string) => (char === 'n' ? '\n' : char));
}

function translations(file: string): Readonly<Record<string, string>> {
  return JSON.parse(readFileSync(path.join(projectFolder, file), 'utf8')) as Record<string, string>;
}

export const germanTexts = () => translations('l10n/bundle.l10n.de.json');
export const germanManifest = () => translations('package.nls.de.json');

/** What has no German, and what is German for nothing any more. */
export function gaps(): { readonly missing: string[]; readonly stale: string[] } {
  const shown = shownTexts();
  const manifest = new Set(Object.keys(editorManifest().texts));
  const [bundle, nls] = [germanTexts(), germanManifest()];
  return {
    missing: [
      ...[...shown].filter((text) => !(text in bundle)),
      ...[...manifest].filter((key) => !(key in nls)),
    ],
    stale: [
      ...Object.keys(bundle).filter((text) => !shown.has(text)),
      ...Object.keys(nls).filter((key) => !manifest.has(key)),
    ],
  };
}

if (require.main === module) console.log(JSON.stringify(gaps(), null, 2));
