/** The states of a session (RFC 9051 §3). Logout is the end of the connection, not a state of ours. */

export type SessionState = 'greeting' | 'signedIn' | 'selected'

export const anyState: readonly SessionState[] = ['greeting', 'signedIn', 'selected']
/** Authenticated: with or without a mailbox. */
export const signedIn: readonly SessionState[] = ['signedIn', 'selected']
