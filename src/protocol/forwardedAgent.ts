/**
 * The value of SSH_AUTH_SOCK of a process that asks (PROCESS_ASKS) for which the host makes a socket: requests to an SSH
 * agent come as PROCESS_ASK of the kind `agent`, with the message in Base64, and so does the answer. No host has such a path.
 */
export const FORWARDED_AGENT = ':livemount';
