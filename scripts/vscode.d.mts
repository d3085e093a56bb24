// Types of vscode.mjs, for the tests (the scripts themselves are run by plain node).
export const CODE_SERVER_VERSION: string;
export const cacheFolder: string;
export function installCodeServer(
  log?: (line: string) => void,
): Promise<{ node: string; serverMain: string }>;

export interface CodeServer {
  readonly port: number;
  readonly dataFolder: string;
  url(query: Record<string, string>): string;
  stop(): Promise<void>;
}
export function startCodeServer(options?: {
  env?: Record<string, string>;
  settings?: object;
  extensions?: readonly string[];
  log?: (line: string) => void;
}): Promise<CodeServer>;
export function developmentPayload(port: number, entries: { extension?: string; tests?: string }): string;
export function findChromium(): Promise<string | undefined>;
export function chromiumOptions(executablePath: string): {
  executablePath: string;
  headless: boolean;
  args: string[];
};
export function freePort(): Promise<number>;
