/**
 * Debian's Dovecot, with its mailboxes in one of the formats that it has: beside Postfix (`peers.ts`), and by
 * itself for what concerns IMAP alone.
 */
import { spawn } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { createSelfSigned } from '#cert/self-signed.ts'
import { dovecotConf, dovecotUsers, mailOwner, type PeerSetup } from './peer-configuration.ts'
import { installedVersion } from './packages.ts'
import { dataDirectory, freePorts, greeting, loopback, type StartedServer } from './started.ts'

const startLimitMs = 20_000
/** Our own stop; and that thousands of idle connections poll instead of watching their mailboxes' files. */
const expectedWarnings = /Killed with signal 15|Inotify instance limit/

export type PeerKind = Pick<PeerSetup, 'format' | 'isSynced' | 'accounts'>

export async function peerSetup(directory: string, kind: PeerKind): Promise<PeerSetup> {
  const [smtpPort = 0, imapPort = 0, imapsPort = 0, sinkPort = 0] = await freePorts(4)
  const ports = { smtpPort, imapPort, imapsPort, sinkPort }
  return { directory, ...kind, domain: 'bench.example', password: 'bench-secret', ...ports }
}

export const imapTarget = (setup: PeerSetup) => ({
  imap: { host: loopback, port: setup.imapPort },
  imaps: { host: loopback, port: setup.imapsPort },
  user: `u%d@${setup.domain}`,
  password: setup.password,
  accounts: setup.accounts,
})

/** Throws Error when it does not come up. */
export async function startDovecot(kind: PeerKind, keep: string | undefined): Promise<StartedServer> {
  const { format, isSynced } = kind
  const name = `dovecot ${format}${isSynced ? ', synced' : ''}`
  const data = dataDirectory(keep, `dovecot-${format}`)
  const setup = await peerSetup(data.path, kind)
  writeDovecotFiles(setup)
  let running = await runDovecot(setup)
  const target = { name, ...imapTarget(setup) }
  return {
    target: { ...target, pids: [running.pid] },
    restart: async (whileStopped) => {
      await running.stop()
      whileStopped?.()
      running = await runDovecot(setup)
      return { ...target, pids: [running.pid] }
    },
    versions: { Dovecot: installedVersion('dovecot-core') },
    [Symbol.asyncDispose]: async () => {
      await running.stop()
      reportErrors(setup)
      data.remove()
    },
  }
}

export function writeDovecotFiles(setup: PeerSetup): void {
  const file = (name: string, text: string, mode = 0o644) =>
    writeFileSync(path.join(setup.directory, name), text, { mode })
  chmodSync(setup.directory, 0o755)
  const { certificate, key } = createSelfSigned([`mx.${setup.domain}`], Date.now())
  file('certificate.pem', certificate)
  file('key.pem', key, 0o600)
  file('dovecot.conf', dovecotConf(setup))
  file('users', dovecotUsers(setup), 0o644)
  const mail = path.join(setup.directory, 'mail')
  mkdirSync(mail, { recursive: true })
  chownSync(mail, mailOwner, mailOwner)
}

export async function runDovecot(setup: PeerSetup): Promise<{ pid: number; stop: () => Promise<void> }> {
  const conf = path.join(setup.directory, 'dovecot.conf')
  const child = spawn('/usr/sbin/dovecot', ['-F', '-c', conf], { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', (bytes: Buffer) => {
    said += bytes.toString('latin1')
  })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const gone = () => (child.exitCode === null ? undefined : `dovecot ended: ${said}${errorLog(setup)}`)
  const stop = async () => {
    child.kill('SIGTERM')
    await ended
  }
  try {
    await greeting({ host: loopback, port: setup.imapPort }, startLimitMs, gone)
  } catch (error) {
    await stop()
    throw error
  }
  return { pid: child.pid!, stop }
}

function errorLog(setup: PeerSetup): string {
  const file = path.join(setup.directory, 'dovecot.log')
  if (!existsSync(file)) return ''
  const lines = readFileSync(file, 'latin1').split('\n')
  const unexpected = lines.filter((line) => !expectedWarnings.test(line))
  return unexpected.join('\n').trim().slice(-2000)
}

/** What it complained of, for the person at the terminal. */
export function reportErrors(setup: PeerSetup): void {
  const errors = errorLog(setup)
  if (errors !== '') process.stderr.write(`Dovecot logged:\n${errors}\n`)
}
