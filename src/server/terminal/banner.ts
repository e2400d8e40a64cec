/**
 * What the administrator reads when the server has started: short, within 80 columns, plain text unless it is
 * a terminal. Scripts look for the line that begins with `admin password: `.
 */
import type { ListenerFacts, ServerFacts, ServiceName } from '#admin/server-facts.ts'

export interface BannerFacts {
  readonly server: ServerFacts
  /** Where others reach the server over HTTP, if the settings say so. */
  readonly publicUrl: string | undefined
  /** As short as it can be said from the current directory. */
  readonly directory: string
  readonly engine: string
  /** Only where it was made up by this start. */
  readonly adminPassword: string | undefined
  /** Somebody has begun to set it up. */
  readonly hasDomains: boolean
  /** How the command line is called from the current directory, with the options that it needs. */
  readonly command: string
}

const titles: readonly (readonly [ServiceName, string])[] = [
  ['smtp', 'SMTP'],
  ['submission', 'Submission'],
  ['lmtp', 'LMTP'],
  ['imap', 'IMAP'],
  ['http', 'HTTP'],
]

const securities: Readonly<Record<ListenerFacts['security'], string>> = {
  tls: 'TLS',
  starttls: 'STARTTLS',
  none: 'no TLS',
}

export function composeBanner(facts: BannerFacts, useColour: boolean): string {
  const { server } = facts
  const bold = (text: string): string => (useColour ? `\x1b[1m${text}\x1b[0m` : text)
  const dim = (text: string): string => (useColour ? `\x1b[2m${text}\x1b[0m` : text)
  const lines = [
    '',
    `${bold(`Postern ${server.version}`)} ${dim('on')} ${server.hostName}`,
    `${dim('data in')} ${facts.directory} ${dim(`(${facts.engine})`)}`,
    '',
    ...table(server.listeners).map(([title, ...cells]) => `  ${bold(title)}  ${cells.join('  ')}`.trimEnd()),
  ]
  if (facts.adminPassword !== undefined) {
    lines.push('', `admin password: ${facts.adminPassword}`)
    lines.push(dim('Note it now: it is shown this once and kept only as a hash.'))
  }
  lines.push('', dim(facts.hasDomains ? 'In another terminal:' : 'Next, in another terminal:'))
  for (const command of nextCommands(facts)) lines.push(`  ${command}`)
  return `${lines.join('\n')}\n\n`
}

/** One line per service and address, columns of equal width: title, address, ports with their security. */
function table(listeners: readonly ListenerFacts[]): readonly [string, ...string[]][] {
  const rows = titles.flatMap(([service, title]) => {
    const byIp = Map.groupBy(
      listeners.filter((listener) => listener.service === service),
      ({ ip }) => ip,
    )
    return [...byIp].map(([ip, some], i): [string, string, string] => [
      i === 0 ? title : '',
      ip.includes(':') ? `[${ip}]` : ip,
      some
        .map(({ port, security }) => `${String(port).padEnd(5)} ${securities[security].padEnd(8)}`)
        .join('  '),
    ])
  })
  const width = (column: 0 | 1): number => Math.max(0, ...rows.map((row) => row[column].length))
  return rows.map(([title, ip, ports]) => [title.padEnd(width(0)), ip.padEnd(width(1)), ports.trimEnd()])
}

function nextCommands({ server, publicUrl, command, hasDomains }: BannerFacts): readonly string[] {
  const first = [`${command} domain create example.org`, `${command} account create alice@example.org`]
  const commands = hasDomains ? [] : first
  const web = publicUrl === undefined ? bestUrl(server.listeners) : `${publicUrl}/`
  const imap = server.listeners.find(({ service }) => service === 'imap')
  if (web !== undefined) commands.push(`open ${web} for how to connect a mail program`)
  else if (imap !== undefined) commands.push(`connect a mail program by IMAP to ${reachable(imap)}`)
  commands.push(`${command} doctor, for what is missing still`)
  return commands
}

/** Where a browser on this machine finds the home page: in clear first, since the certificate is our own. */
export function bestUrl(listeners: readonly ListenerFacts[]): string | undefined {
  const web = listeners.filter(({ service }) => service === 'http')
  const plain = web.find(({ security }) => security === 'none')
  if (plain !== undefined) return `http://${reachable(plain)}/`
  return web[0] === undefined ? undefined : `https://${reachable(web[0])}/`
}

/** An address that a client on this machine can use. */
function reachable({ ip, port }: ListenerFacts): string {
  if (ip === '0.0.0.0') return `127.0.0.1:${port}`
  if (ip === '::') return `[::1]:${port}`
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`
}
