/**
 * Debian's Postfix and Dovecot as one server: Postfix hands every message over LMTP to Dovecot, which keeps it
 * in sdbox mailboxes. Installs them where they are missing (root and apt-get), starts them in a temporary
 * directory on ports of their own, and leaves nothing running.
 */
import { execFileSync, spawn } from 'node:child_process'
import {
  accessSync,
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
} from 'node:fs'
import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { createSelfSigned } from '#cert/self-signed.ts'
import type { Target } from '../target.ts'
import {
  dovecotConf,
  dovecotUsers,
  mailOwner,
  type PeerSetup,
  postfixMain,
  postfixMaster,
  postfixRecipients,
  postfixTransport,
} from './peer-configuration.ts'
import { freePorts, greeting, loopback, type StartedServer } from './started.ts'

const packages = ['postfix', 'dovecot-core', 'dovecot-imapd', 'dovecot-lmtpd']
const programs = ['/usr/sbin/postfix', '/usr/sbin/dovecot', '/usr/lib/dovecot/imap', '/usr/lib/dovecot/lmtp']
const policyFile = '/usr/sbin/policy-rc.d'
const startLimitMs = 20_000
/** Our own stop; and that thousands of idle connections poll instead of watching their mailboxes' files. */
const expectedWarnings = /Killed with signal 15|Inotify instance limit/

/** Why the peers cannot run here, or undefined when they are installed and can. */
export function preparePeers(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'Postfix needs Linux and root'
  if (programs.every((program) => existsSync(program))) return undefined
  if (!existsSync('/usr/bin/apt-get')) return 'Postfix and Dovecot are missing, and so is apt-get'
  process.stderr.write(`Installing ${packages.join(', ')} with apt-get ...\n`)
  try {
    withoutServiceStarts(() => {
      apt('update')
      apt('install', '-y', '--no-install-recommends', ...packages)
    })
  } catch (error) {
    return `apt-get failed: ${error instanceof Error ? error.message.split('\n').slice(0, 5).join(' ') : String(error)}`
  }
  return undefined
}

function apt(...args: readonly string[]): void {
  execFileSync('apt-get', ['-q', ...args], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
}

/** Debian starts what it installs, unless this program says no. */
function withoutServiceStarts(work: () => void): void {
  const isOurs = !existsSync(policyFile)
  if (isOurs) writeFileSync(policyFile, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    work()
  } finally {
    if (isOurs) rmSync(policyFile)
  }
}

/** Throws Error when one of them does not come up. */
export async function startPeers(accounts: number): Promise<StartedServer> {
  const directory = mkdtempSync(path.join(tmpdir(), 'bench-peers-'))
  chmodSync(directory, 0o755)
  const [smtpPort = 0, imapPort = 0, imapsPort = 0, sinkPort = 0] = await freePorts(4)
  const setup: PeerSetup = {
    directory,
    domain: 'bench.example',
    accounts,
    password: 'bench-secret',
    smtpPort,
    imapPort,
    imapsPort,
    sinkPort,
  }
  let running: Awaited<ReturnType<typeof startBoth>> | undefined
  try {
    writeFiles(setup)
    const first = await startBoth(setup)
    await first.stop()
    running = await startBoth(setup)
    const target = { ...peerTarget(setup), pids: running.pids }
    return {
      target,
      restart: async () => {
        await running?.stop()
        running = await startBoth(setup)
        return { ...target, pids: running.pids }
      },
      start: { target: target.name, firstMs: first.startMs, againMs: running.startMs },
      versions: versions(),
      [Symbol.asyncDispose]: async () => {
        await running?.stop()
        const errors = errorLog(setup)
        if (errors !== '') process.stderr.write(`Dovecot logged:\n${errors}\n`)
        rmSync(directory, { recursive: true, force: true })
      },
    }
  } catch (error) {
    await running?.stop()
    rmSync(directory, { recursive: true, force: true })
    throw error
  }
}

function peerTarget(setup: PeerSetup): Omit<Target, 'pids'> {
  return {
    name: 'postfix+dovecot',
    smtp: { host: loopback, port: setup.smtpPort },
    submission: { host: loopback, port: setup.smtpPort, secure: false },
    sinkPort: setup.sinkPort,
    imap: { host: loopback, port: setup.imapPort },
    imaps: { host: loopback, port: setup.imapsPort },
    user: `u%d@${setup.domain}`,
    password: setup.password,
    accounts: setup.accounts,
  }
}

function writeFiles(setup: PeerSetup): void {
  const file = (name: string, text: string, mode = 0o644) =>
    writeFileSync(path.join(setup.directory, name), text, { mode })
  const { certificate, key } = createSelfSigned([`mx.${setup.domain}`], Date.now())
  file('certificate.pem', certificate)
  file('key.pem', key, 0o600)
  file('dovecot.conf', dovecotConf(setup))
  file('users', dovecotUsers(setup), 0o644)
  const postfix = path.join(setup.directory, 'postfix')
  mkdirSync(postfix)
  file('postfix/main.cf', postfixMain(setup))
  file('postfix/master.cf', postfixMaster(setup))
  file('recipients', postfixRecipients(setup))
  file('transport', postfixTransport(setup))
  const mail = path.join(setup.directory, 'mail')
  mkdirSync(mail)
  chownSync(mail, mailOwner, mailOwner)
  const data = path.join(setup.directory, 'postfix-data')
  mkdirSync(data)
  mkdirSync(path.join(setup.directory, 'queue'))
  const owner = Number(execFileSync('id', ['-u', 'postfix'], { encoding: 'latin1' }))
  chownSync(data, owner, 0)
}

async function startBoth(
  setup: PeerSetup,
): Promise<{ pids: number[]; startMs: number; stop: () => Promise<void> }> {
  const startedAt = performance.now()
  const dovecot = await startDovecot(setup)
  try {
    const postfix = await startPostfix(setup)
    const startMs = performance.now() - startedAt
    const stop = async () => {
      await postfix.stop()
      await dovecot.stop()
    }
    return { pids: [dovecot.pid, postfix.pid], startMs, stop }
  } catch (error) {
    await dovecot.stop()
    throw error
  }
}

async function startDovecot(setup: PeerSetup): Promise<{ pid: number; stop: () => Promise<void> }> {
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

async function startPostfix(setup: PeerSetup): Promise<{ pid: number; stop: () => Promise<void> }> {
  const config = path.join(setup.directory, 'postfix')
  const control = (command: string) =>
    execFileSync('/usr/sbin/postfix', ['-c', config, command], {
      encoding: 'latin1',
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  control('start')
  const pid = Number(readFileSync(path.join(setup.directory, 'queue/pid/master.pid'), 'latin1'))
  const stop = async () => {
    control('stop')
    while (isRunning(pid)) await wait(20)
  }
  try {
    await greeting({ host: loopback, port: setup.smtpPort }, startLimitMs, () => undefined)
  } catch (error) {
    await stop()
    throw error
  }
  return { pid, stop }
}

function isRunning(pid: number): boolean {
  try {
    accessSync(`/proc/${pid}`)
    return true
  } catch {
    return false
  }
}

function versions(): Record<string, string> {
  const installed = (name: string) =>
    execFileSync('dpkg-query', ['-W', '-f', '${Version}', name], { encoding: 'latin1' }).trim()
  return { Postfix: installed('postfix'), Dovecot: installed('dovecot-core') }
}
