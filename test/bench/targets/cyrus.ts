/**
 * Debian's Cyrus IMAP with JMAP and its index of words (Xapian), in a directory and on ports of its own. Of the
 * package that cannot be installed beside Dovecot, the programs are taken out.
 */
import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { extract, install, installedVersion } from './packages.ts'
import { dataDirectory, freePorts, greeting, loopback, type StartedServer } from './started.ts'

const packages = ['cyrus-common', 'cyrus-caldav', 'sasl2-bin']
const extracted = 'cyrus-imapd'
const master = '/usr/lib/cyrus/bin/master'
const programs = [master, '/usr/lib/cyrus/bin/httpd', '/usr/sbin/saslpasswd2']
const startLimitMs = 20_000
const realm = 'mx.bench.example'
const password = 'bench-secret'

/** Why Cyrus cannot run here, or undefined when it is installed and can. */
export function prepareCyrus(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'Cyrus needs Linux and root'
  if (programs.every((program) => existsSync(program))) return undefined
  if (!existsSync('/usr/bin/apt-get')) return 'Cyrus is missing, and so is apt-get'
  return install(packages)
}

/** Throws Error when it does not come up. Only the last of the accounts is there, since only that is measured. */
export async function startCyrus(accounts: number, keep: string | undefined): Promise<StartedServer> {
  const data = dataDirectory(keep, 'cyrus')
  const [imapPort = 0, httpPort = 0] = await freePorts(2)
  extract(extracted, data.path)
  writeFiles(data.path, { imapPort, httpPort, user: `u${accounts}` })
  let running = await run(data.path, imapPort)
  const target = {
    name: 'cyrus',
    imap: { host: loopback, port: imapPort },
    jmap: { host: loopback, port: httpPort },
    user: 'u%d',
    password,
    accounts,
    only: 'jmap' as const,
  }
  return {
    target: { ...target, pids: [running.pid] },
    restart: async (whileStopped) => {
      await running.stop()
      whileStopped?.()
      running = await run(data.path, imapPort)
      return { ...target, pids: [running.pid] }
    },
    settle: () => {
      const index = [
        '-u',
        'cyrus',
        '--',
        path.join(data.path, programsOf('squatter')),
        '-C',
        path.join(data.path, 'imapd.conf'),
      ]
      execFileSync('runuser', index, { stdio: 'ignore' })
    },
    versions: { Cyrus: installedVersion('cyrus-common') },
    [Symbol.asyncDispose]: async () => {
      await running.stop()
      data.remove()
    },
  }
}

const programsOf = (name: string): string => `usr/lib/cyrus/bin/${name}`

function writeFiles(directory: string, o: { imapPort: number; httpPort: number; user: string }): void {
  for (const name of ['conf', 'conf/db', 'conf/socket', 'spool', 'search', 'run'])
    mkdirSync(path.join(directory, name), { recursive: true })
  writeFileSync(path.join(directory, 'imapd.conf'), imapdConf(directory))
  writeFileSync(path.join(directory, 'cyrus.conf'), cyrusConf(directory, o))
  const users = path.join(directory, 'sasldb2')
  execFileSync('/usr/sbin/saslpasswd2', ['-p', '-c', '-f', users, '-u', realm, o.user], { input: password })
  chmodSync(directory, 0o755)
  execFileSync('chown', ['-R', 'cyrus:mail', directory])
}

/** Each batch that is indexed ends with a commit of a quarter of a second; by default it has 20 messages. */
const imapdConf = (directory: string): string => `configdirectory: ${directory}/conf
defaultpartition: default
partition-default: ${directory}/spool
proc_path: ${directory}/run/proc
mboxname_lockpath: ${directory}/run/lock
servername: ${realm}
admins: cyrus
allowplaintext: yes
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: ${directory}/sasldb2
sasl_mech_list: PLAIN
virtdomains: off
unixhierarchysep: yes
altnamespace: yes
httpmodules: jmap
conversations: yes
search_engine: xapian
defaultsearchtier: t1
search_batchsize: 5000
t1searchpartition-default: ${directory}/search
autocreate_quota: 0
jmap_max_objects_in_get: 1000
jmap_max_objects_in_set: 1000
tls_server_cert: disabled
`

/** Processes are used again for as many connections as come. The index is made when the mailboxes have been filled. */
function cyrusConf(directory: string, o: { imapPort: number; httpPort: number }): string {
  const conf = `-C ${directory}/imapd.conf`
  return `START {
  recover cmd="/usr/sbin/cyrus ctl_cyrusdb ${conf} -r"
}
SERVICES {
  imap cmd="${directory}/${programsOf('imapd')} -U 1000000 ${conf}" listen="${loopback}:${o.imapPort}" prefork=1 maxchild=200
  http cmd="httpd -U 1000000 ${conf}" listen="${loopback}:${o.httpPort}" prefork=1 maxchild=200
}
EVENTS {
}
`
}

async function run(directory: string, imapPort: number): Promise<{ pid: number; stop: () => Promise<void> }> {
  const file = (name: string): string => path.join(directory, name)
  const args = ['-C', file('imapd.conf'), '-M', file('cyrus.conf'), '-p', file('run/master.pid'), '-D']
  const child = spawn(master, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', (bytes: Buffer) => {
    said = (said + bytes.toString('latin1')).slice(-4000)
  })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM')
    await ended
  }
  try {
    const gone = (): string | undefined => (child.exitCode === null ? undefined : `Cyrus ended: ${said}`)
    await greeting({ host: loopback, port: imapPort }, startLimitMs, gone)
  } catch (error) {
    await stop()
    throw error
  }
  return { pid: child.pid!, stop }
}
