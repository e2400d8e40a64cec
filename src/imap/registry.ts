/** All commands by name. */
import type { AnyCommand } from './session/command.ts'
import { append } from './commands/append.ts'
import { authenticate } from './commands/authenticate.ts'
import { cancelupdate } from './commands/cancelupdate.ts'
import { capability } from './commands/capability.ts'
import { close, unselect } from './commands/close.ts'
import { compress } from './commands/compress.ts'
import { copy, move, uidCopy, uidMove } from './commands/copy.ts'
import { create } from './commands/create.ts'
import { deleteCommand } from './commands/delete.ts'
import { deleteacl } from './commands/deleteacl.ts'
import { enable } from './commands/enable.ts'
import { esearch } from './commands/esearch.ts'
import { expunge, uidExpunge } from './commands/expunge.ts'
import { fetch, uidFetch } from './commands/fetch.ts'
import { genurlauth } from './commands/genurlauth.ts'
import { getacl } from './commands/getacl.ts'
import { getmetadata } from './commands/getmetadata.ts'
import { getquota } from './commands/getquota.ts'
import { getquotaroot } from './commands/getquotaroot.ts'
import { id } from './commands/id.ts'
import { idle } from './commands/idle.ts'
import { list } from './commands/list.ts'
import { listrights } from './commands/listrights.ts'
import { login } from './commands/login.ts'
import { logout } from './commands/logout.ts'
import { lsub } from './commands/lsub.ts'
import { myrights } from './commands/myrights.ts'
import { namespace } from './commands/namespace.ts'
import { check, noop } from './commands/noop.ts'
import { notify } from './commands/notify.ts'
import { rename } from './commands/rename.ts'
import { replace, uidReplace } from './commands/replace.ts'
import { getjmapaccess } from './commands/getjmapaccess.ts'
import { resetkey } from './commands/resetkey.ts'
import { search, uidSearch } from './commands/search.ts'
import { examine, select } from './commands/select.ts'
import { setacl } from './commands/setacl.ts'
import { setmetadata } from './commands/setmetadata.ts'
import { setquota } from './commands/setquota.ts'
import { sort, uidSort } from './commands/sort.ts'
import { starttls } from './commands/starttls.ts'
import { status } from './commands/status.ts'
import { store, uidStore } from './commands/store.ts'
import { subscribe, unsubscribe } from './commands/subscribe.ts'
import { thread, uidThread } from './commands/thread.ts'
import { uidbatches } from './commands/uidbatches.ts'
import { unauthenticate } from './commands/unauthenticate.ts'
import { urlfetch } from './commands/urlfetch.ts'

export const commands: readonly AnyCommand[] = [
  append,
  authenticate,
  cancelupdate,
  capability,
  check,
  close,
  compress,
  copy,
  create,
  deleteacl,
  deleteCommand,
  enable,
  esearch,
  examine,
  expunge,
  fetch,
  genurlauth,
  getacl,
  getmetadata,
  getquota,
  getquotaroot,
  id,
  idle,
  list,
  listrights,
  login,
  logout,
  lsub,
  move,
  myrights,
  namespace,
  noop,
  notify,
  rename,
  replace,
  getjmapaccess,
  resetkey,
  search,
  select,
  setacl,
  setmetadata,
  setquota,
  sort,
  starttls,
  status,
  store,
  subscribe,
  thread,
  uidbatches,
  uidCopy,
  uidExpunge,
  uidFetch,
  uidMove,
  uidReplace,
  uidSearch,
  uidSort,
  uidStore,
  uidThread,
  unauthenticate,
  unselect,
  unsubscribe,
  urlfetch,
]

export const registry: ReadonlyMap<string, AnyCommand> = new Map(commands.map((one) => [one.name, one]))
