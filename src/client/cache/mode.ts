/** virtiofs' modes: every access asks; one second; until told otherwise. 'lease' is the default: valid under an acknowledged watch, else 'auto'. */
export const CACHE_MODES = ['none', 'auto', 'always', 'lease'] as const;
export type CacheMode = (typeof CACHE_MODES)[number];
