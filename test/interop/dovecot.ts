/** Debian's Dovecot as an IMAP server of its own: any name signs in, with one password, without TLS. Needs root. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import path from 'node:path'
import { freePorts } from '../harness/free-ports.ts'
import { temporaryDirectory } from '../harness/store.ts'
import { Daemon } from './daemon.ts'
import { run } from './program.ts'

export interface Dovecot extends AsyncDisposable {
  readonly port: number
  readonly password: string
}

const password = 'secret'
/** No account of this number exists. */
const owner = 5000

export async function startDovecot(): Promise<Dovecot> {
  await using undo = new AsyncDisposableStack()
  const folder = temporaryDirectory()
  undo.defer(() => rm(folder, { recursive: true, force: true }))
  chmodSync(folder, 0o755)
  const mail = path.join(folder, 'mail')
  mkdirSync(mail)
  await run('chown', [`${owner}:${owner}`, mail])
  const [port] = undo.use(await freePorts(1)).ports
  const { stdout } = await run('dovecot', ['--version'])
  const isOld = stdout.toString().startsWith('2.3')
  const file = path.join(folder, 'dovecot.conf')
  const own = isOld ? before24(folder) : since24(folder)
  writeFileSync(file, `${own}${configuration(folder, port!)}`)
  undo.use(await Daemon.start('dovecot', ['-F', '-c', file], 'starting up'))
  const everything = undo.move()
  return { port: port!, password, [Symbol.asyncDispose]: () => everything.disposeAsync() }
}

const before24 = (folder: string): string => `
disable_plaintext_auth = no
mail_location = maildir:~/Maildir
mail_home = ${folder}/mail/%u
passdb {
  driver = static
  args = password=${password}
}
userdb {
  driver = static
  args = allow_all_users=yes
}
`

const since24 = (folder: string): string => `
dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
auth_allow_cleartext = yes
mail_driver = maildir
mail_path = ~/Maildir
mail_home = ${folder}/mail/%{user}
passdb static {
  password = ${password}
}
userdb static {
  allow_all_users = yes
}
`

const configuration = (folder: string, port: number): string => `
protocols = imap
listen = 127.0.0.1
base_dir = ${folder}/run
state_dir = ${folder}/state
instance_name = ${path.basename(folder)}
log_path = /dev/stderr
ssl = no
mail_fsync = never
mail_uid = ${owner}
mail_gid = ${owner}
first_valid_uid = ${owner}
namespace inbox {
  inbox = yes
  separator = /
}
service imap-login {
  inet_listener imap {
    port = ${port}
  }
  inet_listener imaps {
    port = 0
  }
}
`
