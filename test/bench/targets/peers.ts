/**
 * Debian's Postfix and Dovecot as one server: Postfix hands every message over LMTP to Dovecot, which keeps it
 * in sdbox mailboxes. Installs them where they are missing (root and apt-get), starts them in a directory of
 * their own on ports of their own, and leaves nothing running.
 */
import { execFileSync } from 'node:child_process'
import { accessSync, chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { Target } from '../target.ts'
import {
  imapTarget,
  type PeerKind,
  peerSetup,
  reportErrors,
  runDovecot,
  writeDovecotFiles,
} from './dovecot.ts'
import {
  type PeerSetup,
  postfixMain,
  postfixMaster,
  postfixRecipients,
  postfixTransport,
} from './peer-configuration.ts'
import { install, installedVersion } from './packages.ts'
import { dataDirectory, greeting, loopback, type StartedServer } from './started.ts'

const packages = ['postfix', 'dovecot-core', 'dovecot-imapd', 'dovecot-lmtpd']
const programs = ['/usr/sbin/postfix', '/usr/sbin/dovecot', '/usr/lib/dovecot/imap', '/usr/lib/dovecot/lmtp']
const startLimitMs = 20_000

/** Why the peers cannot run here, or undefined when they are installed and can. */
export function preparePeers(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'Postfix needs Linux and root'
  if (programs.every((program) => existsSync(program))) return undefined
  if (!existsSync('/usr/bin/apt-get')) return 'Postfix and Dovecot are missing, and so is apt-get'
  return install(packages)
}

/** Throws Error when one of them does not come up. */
export async function startPeers(
  kind: Omit<PeerKind, 'format'>,
  keep: string | undefined,
): Promise<StartedServer> {
  const data = dataDirectory(keep, 'postfix-dovecot')
  let running: Awaited<ReturnType<typeof startBoth>> | undefined
  try {
    const setup = await peerSetup(data.path, { ...kind, format: 'sdbox' })
    writeFiles(setup)
    const first = await startBoth(setup)
    await first.stop()
    running = await startBoth(setup)
    const target = { ...peerTarget(setup), pids: running.pids }
    return {
      target,
      restart: async (whileStopped) => {
        await running?.stop()
        whileStopped?.()
        running = await startBoth(setup)
        return { ...target, pids: running.pids }
      },
      ...(keep === undefined && {
        start: { target: target.name, firstMs: first.startMs, againMs: running.startMs },
      }),
      versions: { Postfix: installedVersion('postfix'), Dovecot: installedVersion('dovecot-core') },
      [Symbol.asyncDispose]: async () => {
        await running?.stop()
        reportErrors(setup)
        data.remove()
      },
    }
  } catch (error) {
    await running?.stop()
    data.remove()
    throw error
  }
}

function peerTarget(setup: PeerSetup): Omit<Target, 'pids'> {
  return {
    name: 'postfix+dovecot',
    smtp: { host: loopback, port: setup.smtpPort },
    submission: { host: loopback, port: setup.smtpPort, secure: false },
    sinkPort: setup.sinkPort,
    ...imapTarget(setup),
  }
}

function writeFiles(setup: PeerSetup): void {
  const file = (name: string, text: string) => writeFileSync(path.join(setup.directory, name), text)
  const folder = (name: string) => {
    const made = path.join(setup.directory, name)
    mkdirSync(made, { recursive: true })
    return made
  }
  writeDovecotFiles(setup)
  folder('postfix')
  file('postfix/main.cf', postfixMain(setup))
  file('postfix/master.cf', postfixMaster(setup))
  file('recipients', postfixRecipients(setup))
  file('transport', postfixTransport(setup))
  folder('queue')
  const owner = Number(execFileSync('id', ['-u', 'postfix'], { encoding: 'latin1' }))
  chownSync(folder('postfix-data'), owner, 0)
}

async function startBoth(
  setup: PeerSetup,
): Promise<{ pids: number[]; startMs: number; stop: () => Promise<void> }> {
  const startedAt = performance.now()
  const dovecot = await runDovecot(setup)
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
