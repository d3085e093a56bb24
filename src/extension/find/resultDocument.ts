import type { TextMatch } from '../../client/find/search';
import { fitTerminalLine } from '../../base/fitToShow';
import type { Wanted } from './wanted';

/** A file of the results, as the document names it: relative to its folder, with the folder's name where there are several. */
export interface DocumentFile {
  readonly label: string;
  readonly matches: readonly TextMatch[];
}

/**
 * Results as a document of the editor's language `search-result`, which brings links, outline and F12. Names and lines of
 * a host are made fit to show: a line break in a name would be another line.
 */
export function resultDocument(wanted: Wanted, files: readonly DocumentFile[]): string {
  const { pattern, isRegex, matchCase, wholeWord, ignoreFiles } = wanted;
  const flags = [
    [matchCase, 'CaseSensitive'],
    [wholeWord, 'WordMatch'],
    [isRegex, 'RegExp'],
    [!ignoreFiles, 'IgnoreExcludeSettings'],
  ]
    .filter(([on]) => on)
    .map(([, word]) => word);
  const results = files.reduce((sum, { matches }) => sum + matches.length, 0);
  const header = [
    `# Query: ${pattern.replace(/\\/g, '\\\\').replace(/\n/g, '\\n')}`,
    ...(flags.length === 0 ? [] : [`# Flags: ${flags.join(' ')}`]),
    ...(wanted.files === '' ? [] : [`# Including: ${wanted.files}`]),
    '',
    `${results} results - ${files.length} files`,
  ];
  return [...header.map((line) => fitTerminalLine(line)), ...files.flatMap(fileLines), ''].join('\n');
}

function fileLines({ label, matches }: DocumentFile): string[] {
  const lines = new Map<number, TextMatch>();
  for (const match of matches) if (!lines.has(match.line)) lines.set(match.line, match);
  const widest = `${Math.max(...[...lines.keys()].map((line) => line + 1), 0)}`.length;
  return [
    '',
    `${fitTerminalLine(label)}:`,
    ...[...lines.values()]
      .sort((a, b) => a.line - b.line)
      .map(({ line, preview, previewColumn }) => {
        const skipped = previewColumn > 0 ? `⟪ ${previewColumn} characters skipped ⟫` : '';
        // A tab is a column of its own in the file, too.
        const text = preview
          .split('\t')
          .map((part) => fitTerminalLine(part))
          .join('\t');
        return `  ${`${line + 1}`.padStart(widest)}: ${skipped}${text}`;
      }),
  ];
}
