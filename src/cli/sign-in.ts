/**
 * How the command line proves who it is, from what is at hand, best first: the key in POSTERN_API_KEY; the
 * password in POSTERN_PASSWORD or on standard input where that was asked for; the token that the server leaves in its data directory, for
 * whoever can read it on the same machine; a question.
 */
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { adminTokenFile } from '#admin/admin-token.ts'
import { parseIp, isLoopbackIp } from '#base/ip.ts'
import { CliFailure } from './failure.ts'
import type { Terminal } from './terminal.ts'

export interface SignInOptions {
  readonly url: URL
  readonly user: string
  /** Somebody said who signs in; the token is for the administrator only. */
  readonly isUserGiven: boolean
  readonly dataDirectory: string
  readonly passwordFromInput: boolean
}

export interface Proof {
  /** The value of the Authorization header. */
  readonly authorization: string
  readonly from: 'environment' | 'key' | 'input' | 'token' | 'question'
}

/** `withoutToken`: it was tried, and the server does not know it. Throws CliFailure where nothing is at hand. */
export async function findProof(
  terminal: Terminal,
  o: SignInOptions,
  { withoutToken = false } = {},
): Promise<Proof> {
  const key = terminal.env['POSTERN_API_KEY']
  if (key !== undefined && key !== '') return { authorization: `Bearer ${key}`, from: 'key' }
  const fromEnvironment = terminal.env['POSTERN_PASSWORD']
  if (fromEnvironment !== undefined && fromEnvironment !== '') {
    return { authorization: basic(o.user, fromEnvironment), from: 'environment' }
  }
  if (o.passwordFromInput) {
    return {
      authorization: basic(
        o.user,
        firstLine((await terminal.readInput(longestPasswordInput)).toString('utf8')),
      ),
      from: 'input',
    }
  }
  const mayUseToken = !withoutToken && !o.isUserGiven && isThisMachine(o.url)
  const token = mayUseToken ? await readToken(o.dataDirectory) : undefined
  if (token !== undefined) return { authorization: `Bearer ${token}`, from: 'token' }
  if (!terminal.isInteractive) {
    throw new CliFailure(`the password of ${o.user} is needed`, { hint: hintFor(o, withoutToken) })
  }
  const password = await terminal.askHidden(`Password of ${o.user} at ${o.url.host}: `)
  return { authorization: basic(o.user, password), from: 'question' }
}

function hintFor(o: SignInOptions, withoutToken: boolean): string {
  const file = path.join(o.dataDirectory, adminTokenFile)
  const ways = 'set POSTERN_PASSWORD or POSTERN_API_KEY, or give it with --admin-password-stdin'
  if (o.isUserGiven || !isThisMachine(o.url)) return ways
  if (withoutToken)
    return `${file} is not that of the server at ${o.url.host}: name its data directory with --data, or ${ways}`
  return `${file} cannot be read: name the server's data directory with --data, or ${ways}`
}

const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`, 'utf8').toString('base64')}`

export const longestPasswordInput = 4096

/** What a program or a person puts on standard input ends with a line end that is not part of it. */
export const firstLine = (text: string): string => text.split(/\r?\n/, 1)[0]!

function isThisMachine(url: URL): boolean {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  const ip = parseIp(host)
  return ip === undefined ? host === 'localhost' : isLoopbackIp(ip)
}

async function readToken(dataDirectory: string): Promise<string | undefined> {
  try {
    const token = (await readFile(path.join(dataDirectory, adminTokenFile), 'utf8')).trim()
    return token === '' ? undefined : token
  } catch {
    return undefined
  }
}
