/**
 * The permission that each command needs once somebody has signed in: the one place where IMAP asks for them
 * (`loop.ts`). Commands that only end, wait for nothing or undo a selection need none.
 */
import type { Permission } from '#account/permission.ts'

/** Who may set quotas is whoever may change accounts. */
export const quotaSetters = 'sysAccountUpdate'

const byCommand: Readonly<Record<string, Permission>> = {
  APPEND: 'imapAppend',
  CAPABILITY: 'imapCapability',
  COPY: 'imapCopy',
  CREATE: 'imapCreate',
  DELETE: 'imapDelete',
  DELETEACL: 'imapAclSet',
  ENABLE: 'imapEnable',
  ESEARCH: 'imapSearch',
  EXAMINE: 'imapExamine',
  EXPUNGE: 'imapExpunge',
  FETCH: 'imapFetch',
  GENURLAUTH: 'imapUrlAuth',
  GETACL: 'imapAclGet',
  GETMETADATA: 'imapMetadataGet',
  GETQUOTA: 'imapQuotaGet',
  GETQUOTAROOT: 'imapQuotaGet',
  ID: 'imapId',
  IDLE: 'imapIdle',
  LIST: 'imapList',
  LISTRIGHTS: 'imapListRights',
  LSUB: 'imapLsub',
  MOVE: 'imapMove',
  MYRIGHTS: 'imapMyRights',
  NAMESPACE: 'imapNamespace',
  NOTIFY: 'imapIdle',
  RENAME: 'imapRename',
  REPLACE: 'imapReplace',
  RESETKEY: 'imapUrlAuth',
  SEARCH: 'imapSearch',
  SELECT: 'imapSelect',
  SETACL: 'imapAclSet',
  SETMETADATA: 'imapMetadataSet',
  SETQUOTA: quotaSetters,
  SORT: 'imapSort',
  STATUS: 'imapStatus',
  STORE: 'imapStore',
  SUBSCRIBE: 'imapSubscribe',
  THREAD: 'imapThread',
  UIDBATCHES: 'imapSearch',
  UNSUBSCRIBE: 'imapSubscribe',
  URLFETCH: 'imapFetch',
}

export const unrestricted: ReadonlySet<string> = new Set([
  'AUTHENTICATE',
  'CANCELUPDATE',
  'CHECK',
  'CLOSE',
  'COMPRESS',
  'GETJMAPACCESS',
  'LOGIN',
  'LOGOUT',
  'NOOP',
  'STARTTLS',
  'UNAUTHENTICATE',
  'UNSELECT',
])

/** `name` as in the registry; `UID FETCH` needs what `FETCH` does. Undefined where nothing is needed. */
export const permissionOf = (name: string): Permission | undefined =>
  byCommand[name.startsWith('UID ') ? name.slice(4) : name]
