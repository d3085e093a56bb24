export function readmeForPage(text: string, folder: string, repository: string): string;
