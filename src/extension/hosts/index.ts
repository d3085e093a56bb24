export { Hosts } from './hosts';
export type { Connected, HostSession, HostState } from './hostSession';
