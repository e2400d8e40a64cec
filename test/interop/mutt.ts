/** mutt and its kin as Alice uses them: keys are typed in a terminal of `script`. */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import type { TestServer } from '../harness/server.ts'
import { run } from './program.ts'
import { alice } from './read-by-curl.ts'
import { saveCertificate } from './server-certificate.ts'

export interface Mutt {
  readonly configuration: string
  readonly environment: Readonly<Record<string, string>>
  /** What it said to the server the last time. */
  readonly log: string
  /** Opens the mailbox and types; the last key strokes must leave. */
  type(mailbox: string, keys: string): Promise<void>
}

export interface MuttOptions {
  /** For its files. */
  readonly folder: string
  /** Lines of configuration. */
  readonly settings?: readonly string[]
}

export async function setUpMutt(
  server: TestServer,
  program: 'mutt' | 'neomutt',
  { folder, settings = [] }: MuttOptions,
): Promise<Mutt> {
  const certificate = path.join(folder, 'certificate.pem')
  await saveCertificate(server.imapsPort, certificate)
  const configuration = path.join(folder, 'muttrc')
  writeFileSync(configuration, `${muttrc(server, folder, certificate)}${settings.join('\n')}\n`)
  const environment = { TERM: 'vt100', HOME: folder }
  // Both write to that name with a zero, which is the newest.
  const log = path.join(folder, '.muttdebug')
  const logging = program === 'mutt' ? '-d 2' : `-d 2 -l ${log}`
  return {
    configuration,
    environment,
    log: `${log}0`,
    async type(mailbox, keys) {
      const script = path.join(folder, 'keys')
      writeFileSync(script, `push '${keys}'\n`)
      const box = `imaps://127.0.0.1:${server.imapsPort}/${mailbox}`
      const command = `${program} -n ${logging} -F ${configuration} -e 'source ${script}' -f ${box}`
      await run('script', ['--quiet', '--return', '--command', command, '/dev/null'], { environment })
    },
  }
}

const muttrc = (server: TestServer, folder: string, certificate: string): string => `
set imap_user="${alice.name}"
set imap_pass="${alice.password}"
set smtp_url="smtp://${alice.name}@127.0.0.1:${server.submissionPort}/"
set smtp_pass="${alice.password}"
set from="${alice.name}"
set realname="Alice"
set certificate_file="${certificate}"
set ssl_force_tls=yes ssl_verify_host=no ssl_verify_dates=no
set folder="imaps://127.0.0.1:${server.imapsPort}/"
set spoolfile="=INBOX"
set record="=Sent"
set charset="utf-8"
set send_charset="utf-8"
set mbox_type=mbox
set delete=yes confirmappend=no confirmcreate=no move=no mark_old=no wait_key=no quit=yes copy=yes
set header_cache="" message_cachedir="" tmpdir="${folder}"
set resolve=no auto_tag=no fcc_attach=yes
set pager_stop=yes
`
