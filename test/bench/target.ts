/**
 * What a benchmark needs to know of the server under test: where it listens, which accounts it has, which
 * processes are its own. Plain data, since the process that makes the load gets it as a message.
 */
import { parseArgs } from 'node:util'

export interface Endpoint {
  readonly host: string
  readonly port: number
}

/** Where mail for others is taken. */
export interface Submission extends Endpoint {
  /** With TLS from the first byte, from those who sign in; otherwise in clear, from whoever is near. */
  readonly secure: boolean
}

/** Mail for others goes to so many domains, each of which has a route of its own to the bench's sink. */
export const outboundDestinations = 50

/** `number`: from 1. */
export const outboundDomain = (number: number): string => `d${number}.sink.example`
export const outboundAddress = (number: number): string => `127.0.0.${number}`

export interface Target {
  readonly name: string
  readonly smtp?: Endpoint
  readonly imap?: Endpoint
  readonly submission?: Submission
  /** HTTP in clear, where JMAP is. */
  readonly jmap?: Endpoint
  /** Measured in the workloads of this only. */
  readonly only?: 'jmap'
  /** Where the server expects the sink. */
  readonly sinkPort?: number
  /** IMAP with TLS from the first byte. */
  readonly imaps?: Endpoint
  /** The name to sign in with and to send to; `%d` stands for the number of the account, from 1. */
  readonly user: string
  readonly password: string
  readonly accounts: number
  /** The first process of each part of the server; their descendants count as the server too. */
  readonly pids: readonly number[]
}

export function accountName(target: Target, number: number): string {
  return target.user.replace('%d', String(number))
}

/**
 * Reads `smtp=host:port,imap=host:port,imaps=host:port,user=u%d@host,password=...,accounts=100,pid=1+2,name=x`.
 * Throws Error with advice for the person at the terminal.
 */
export function parseTarget(text: string): Target {
  const fields = new Map<string, string>()
  for (const part of text.split(',')) {
    const at = part.indexOf('=')
    if (at < 1) throw new Error(`--target: "${part}" is not key=value`)
    fields.set(part.slice(0, at), part.slice(at + 1))
  }
  const known = ['name', 'smtp', 'imap', 'imaps', 'user', 'password', 'accounts', 'pid']
  const unknown = [...fields.keys()].find((key) => !known.includes(key))
  if (unknown !== undefined) throw new Error(`--target: "${unknown}" is none of ${known.join(', ')}`)
  const user = fields.get('user')
  const password = fields.get('password')
  if (user === undefined || password === undefined) throw new Error('--target needs user= and password=')
  return {
    name: fields.get('name') ?? 'target',
    ...endpointField(fields, 'smtp'),
    ...endpointField(fields, 'imap'),
    ...endpointField(fields, 'imaps'),
    user,
    password,
    accounts: user.includes('%d') ? Number(fields.get('accounts') ?? 100) : 1,
    pids: (fields.get('pid') ?? '').split('+').filter(Boolean).map(Number),
  }
}

function endpointField(fields: Map<string, string>, key: 'smtp' | 'imap' | 'imaps'): Partial<Target> {
  const text = fields.get(key)
  if (text === undefined) return {}
  const colon = text.lastIndexOf(':')
  const port = Number(text.slice(colon + 1))
  if (colon < 1 || !Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new Error(`--target: ${key}=${text} is not host:port`)
  }
  return { [key]: { host: text.slice(0, colon), port } }
}

export interface Options {
  readonly targets: readonly Target[]
  readonly peers: boolean
  readonly markdown: boolean
  readonly only: RegExp | undefined
  readonly seconds: number
  /** Messages in the mailboxes that are read; 0: no large one. */
  readonly messages: number
  readonly large: number
  /** The folder in which servers that are started here leave their data for the next run. */
  readonly keep: string | undefined
  /** Idle connections for the memory figures; 0 leaves them out. */
  readonly idle: number
  /** Dovecot syncs every change before its OK. */
  readonly synced: boolean
  readonly soakMinutes: number
  readonly list: boolean
}

export const usage = `npm run bench -- [options]
  without --target: starts this tree's server on a temporary data directory and measures it
  --target SPEC     measures a running server instead (may be given several times); SPEC is
                    smtp=host:port,imap=host:port,imaps=host:port,user=u%d@example.org,accounts=100,
                    password=...,pid=1+2,name=...   (%d: number of the account; pid: for CPU and memory)
  --peers           also Debian's Postfix + Dovecot with sdbox, and Dovecot with maildir and with mdbox,
                    and for the rows of JMAP Cyrus, installed and started here (root and apt-get needed)
  --only REGEXP     only the workloads whose name matches; --list prints all names
  --seconds N       how long each workload runs (3)
  --messages N      size of the mailbox that is read (10000)
  --large N         and of the large one (100000; 0: none)
  --keep DIR        data of the servers started here stays in DIR for the next run: filling takes long
  --idle N          idle IMAP connections for the memory figures (2000; 0: none)
  --synced          Dovecot syncs every change before its OK, as Postern does (mail_fsync = always), also
                    flags, which it does not by default
  --soak MINUTES    instead: memory when idle after that much load, against after warm-up
  --markdown        prints the table as Markdown to stdout instead of the JSON
Results go to stdout as JSON and to test/bench/results/, a table for reading to stderr.`

/** Throws Error (also for unknown options) whose message is for the person at the terminal. */
export function parseOptions(args: readonly string[]): Options | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      target: { type: 'string', multiple: true },
      peers: { type: 'boolean', default: false },
      markdown: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      only: { type: 'string' },
      seconds: { type: 'string', default: '3' },
      messages: { type: 'string', default: '10000' },
      large: { type: 'string', default: '100000' },
      keep: { type: 'string' },
      idle: { type: 'string', default: '2000' },
      synced: { type: 'boolean', default: false },
      soak: { type: 'string', default: '0' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return 'help'
  return {
    targets: (values.target ?? []).map(parseTarget),
    peers: values.peers,
    markdown: values.markdown,
    list: values.list,
    only: values.only === undefined ? undefined : new RegExp(values.only),
    seconds: positive('--seconds', values.seconds),
    messages: positive('--messages', values.messages),
    large: Number(values.large),
    keep: values.keep,
    idle: Number(values.idle),
    synced: values.synced,
    soakMinutes: Number(values.soak),
  }
}

function positive(name: string, text: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new Error(`${name} wants a number above 0, not "${text}"`)
  return value
}
