/**
 * What every command is given: the options that all have, the server to ask, and where to write. `show`
 * writes a result as text for people, or as JSON with `--json`; `note` tells people something besides.
 */
import type { Command } from 'commander'
import { usageFailure } from './failure.ts'
import { ObjectClient } from './object-client.ts'
import { ServerApi } from './server-api.ts'
import { printable, type Terminal } from './terminal.ts'

export interface GlobalOptions {
  readonly url?: string
  readonly user?: string
  readonly data?: string
  readonly json?: true
  readonly adminPasswordStdin?: true
  /** Of commands about objects that every account has. */
  readonly account?: string
}

export interface Context {
  readonly terminal: Terminal
  readonly api: ServerApi
  readonly objects: ObjectClient
  readonly wantsJson: boolean
  /** Standard input is spoken for by the administrator's password. */
  readonly inputIsTaken: boolean
  show(data: unknown, text: string): void
  note(text: string): void
}

const usualUrl = 'http://127.0.0.1:8080'
const usualUser = 'admin'

/** Throws CliFailure where an option makes no sense. */
export function contextOf(command: Command, terminal: Terminal): Context {
  const o = command.optsWithGlobals<GlobalOptions>()
  const { env } = terminal
  const given = o.url ?? env['POSTERN_URL'] ?? usualUrl
  const url = URL.parse(given)
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw usageFailure(`"${given}" is no URL of a server`, `such as ${usualUrl}`)
  }
  if (url.password !== '' || url.username !== '')
    throw usageFailure(
      'a URL is no place for a password',
      'use --user with POSTERN_PASSWORD, or POSTERN_API_KEY',
    )
  const wantsJson = o.json === true
  const inputIsTaken = o.adminPasswordStdin === true
  const user = o.user ?? env['POSTERN_USER']
  const api = new ServerApi(terminal, {
    url,
    user: user ?? usualUser,
    isUserGiven: user !== undefined && user !== usualUser,
    dataDirectory: o.data ?? env['POSTERN_DATA'] ?? 'data',
    passwordFromInput: inputIsTaken,
  })
  return {
    terminal,
    api,
    objects: new ObjectClient(api, o.account),
    wantsJson,
    inputIsTaken,
    show: (data, text) => terminal.out(wantsJson ? `${JSON.stringify(data, undefined, 2)}\n` : text),
    note: (text) => terminal.err(`${printable(text)}\n`),
  }
}
