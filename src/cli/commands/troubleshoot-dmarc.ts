/** `postern troubleshoot dmarc`: what SPF, DKIM, ARC and DMARC say of a message, and why. */
import type { Command } from 'commander'
import type { ShownAuthentication } from '#admin/troubleshoot-dmarc.ts'
import { contextOf } from '../context.ts'
import { readBytes } from '../document.ts'
import { CliFailure, QuietExit, usageFailure } from '../failure.ts'
import { wrap } from '../layout.ts'
import { notUnderstood } from '../server-answer.ts'
import { painted, printable, type Terminal } from '../terminal.ts'
import { examplesOf } from './noun.ts'

/** What the server takes. */
const mostBytes = 750_000

interface DmarcFlags {
  readonly ip: string
  readonly ehlo: string
  readonly from?: string
  readonly message?: string
}

export function addTroubleshootDmarc(troubleshoot: Command, terminal: Terminal): void {
  troubleshoot
    .command('dmarc')
    .description(
      'check a message as if it came in now, or a sender without one; ends with 1 where DMARC does not pass',
    )
    .requiredOption('--ip <address>', 'the address that it comes from')
    .requiredOption('--ehlo <name>', 'what the client there calls itself')
    .option('--from <address>', 'the sender in MAIL FROM; nobody where not given, as for a notification')
    .option('--message <file>', 'the message as it came, or its header; - is standard input')
    .addHelpText(
      'after',
      examplesOf(
        'troubleshoot dmarc --ip 192.0.2.1 --ehlo mx.test --from bob@mx.test',
        'troubleshoot dmarc --ip 192.0.2.1 --ehlo mx.test --message saved.eml',
      ),
    )
    .action(async (o: DmarcFlags, self: Command) => {
      const context = contextOf(self, terminal)
      if (o.message === '-' && context.inputIsTaken)
        throw usageFailure('standard input cannot be two things', 'put the password in POSTERN_PASSWORD')
      const message = o.message === undefined ? undefined : await readMessage(o.message, terminal)
      const data = (await context.api.ask('POST', '/api/troubleshoot/dmarc', {
        remoteIp: o.ip,
        ehloDomain: o.ehlo,
        mailFrom: o.from ?? '',
        ...(message === undefined ? {} : { messageBase64: message.toString('base64') }),
      })) as Unsure<ShownAuthentication>
      context.show(data, testText(data, terminal))
      if (data?.dmarc?.result !== 'pass') throw new QuietExit(1)
    })
}

async function readMessage(file: string, terminal: Terminal): Promise<Buffer> {
  const message = await readBytes(file, terminal)
  if (message.length === 0) throw new CliFailure(`${file === '-' ? 'standard input' : file} is empty`)
  if (message.length <= mostBytes) return message
  throw new CliFailure(`the message has ${message.length} bytes, and ${mostBytes} can be looked at`, {
    hint: 'send yourself one like it without attachments',
  })
}

/** As it came from a server, which may be another than was meant. */
type Unsure<T> = T extends readonly (infer E)[]
  ? readonly Unsure<E>[] | undefined
  : T extends object
    ? { readonly [K in keyof T]?: Unsure<T[K]> } | undefined
    : unknown

type Unsureties = NonNullable<Unsure<ShownAuthentication>>

function text(value: unknown): string {
  if (typeof value !== 'string') throw notUnderstood()
  return value
}

function list<T>(value: readonly T[] | undefined): readonly T[] {
  if (!Array.isArray(value)) throw notUnderstood()
  return value as readonly T[]
}

const isText = (value: unknown): value is string => typeof value === 'string'

/** Below its heading. */
interface Block {
  readonly result: unknown
  readonly about: string
  /** The reason first. */
  readonly lines: readonly unknown[]
  readonly advice?: unknown
}

function testText(data: Unsure<ShownAuthentication>, terminal: Terminal): string {
  const { message, iprev, dkim, arc } = data ?? {}
  const signatures = list(dkim)
  const blocks: readonly Block[] = [
    { ...iprev, result: iprev?.result, about: 'reverse name', lines: [iprev?.reason] },
    spfBlock('SPF of EHLO', data?.spfEhlo),
    spfBlock('SPF of MAIL FROM', data?.spfMailFrom),
    ...(signatures.length > 0 || message === 'none'
      ? signatures.map(dkimBlock)
      : [{ result: 'none', about: 'DKIM', lines: ['the message has no signature'] }]),
    ...(message === 'none' ? [] : [{ ...arc, result: arc?.result, about: 'ARC', lines: [arc?.reason] }]),
    dmarcBlock(data?.dmarc),
  ]
  const end = message === 'none' ? 'Such a message without signatures' : 'This message'
  return `${blocks.map((block) => blockText(block, terminal)).join('')}\n${outcomeText(end, data?.outcome, terminal)}`
}

const spfBlock = (about: string, spf: Unsureties['spfEhlo']): Block => ({
  ...spf,
  result: spf?.result,
  about: `${about}${isText(spf?.domain) ? ` ${spf.domain}` : ''}`,
  lines: [spf?.reason, ...(isText(spf?.record) ? [`record: ${spf.record}`] : [])],
})

function dkimBlock(check: NonNullable<Unsureties['dkim']>[number]): Block {
  const bits = typeof check?.keyBits === 'number' ? [`key of ${check.keyBits} bits`] : []
  const facts = [text(check?.algorithm), ...bits].filter((fact) => fact !== '').join(', ')
  const testing = check?.testing === true ? '; the domain is only trying (t=y)' : ''
  const signer = [check?.domain, check?.selector].map(text)
  return {
    ...check,
    result: check?.result,
    about: signer[0] === '' ? 'DKIM' : `DKIM ${signer[0]}, selector ${signer[1]}`,
    lines: [`${text(check?.reason)}${facts === '' ? '' : ` (${facts})`}${testing}`],
  }
}

function dmarcBlock(check: Unsureties['dmarc']): Block {
  const { policyDomain, record, organizationalDomain: organization } = check ?? {}
  const signatures = list(check?.dkimAlignments).map(text)
  const problems = list(check?.problems).map(text)
  const alignments = [`SPF ${text(check?.spfAlignment)}`, ...signatures.map((one) => `DKIM ${one}`)]
  const facts = [
    ...(isText(policyDomain) ? [`record of ${policyDomain}: ${text(record)}`] : []),
    ...problems.map((problem) => `wrong in it: ${problem}`),
    ...(isText(policyDomain) ? [`alignment: ${alignments.join(', ')}`] : []),
    ...(isText(organization) ? [`organizational domain: ${organization}`] : []),
  ]
  return {
    ...check,
    result: check?.result,
    about: `DMARC ${text(check?.domain)}`.trimEnd(),
    lines: [check?.reason, ...facts],
  }
}

const colours: Readonly<Record<string, 'green' | 'yellow' | 'red' | 'dim'>> = {
  pass: 'green',
  none: 'dim',
  neutral: 'yellow',
  softfail: 'yellow',
  temperror: 'yellow',
  policy: 'yellow',
  permerror: 'red',
  fail: 'red',
}

function blockText({ result, about, lines, advice }: Block, terminal: Terminal): string {
  const word = text(result)
  const colour = Object.hasOwn(colours, word) ? colours[word] : undefined
  if (colour === undefined) throw notUnderstood()
  const indent = ' '.repeat(11)
  const wrapped = (line: string): string => wrap(line, terminal.columns, indent)
  const said = lines.map((line) => wrapped(text(line))).join('')
  const hint = isText(advice) ? wrapped(`-> ${advice}`) : ''
  return `${painted(terminal, colour, word.padEnd(11))}${printable(about)}\n${said}${hint}`
}

const actions: Readonly<Record<string, string>> = {
  accept: 'would be taken',
  junk: 'would be taken, and put into Junk',
  refuse: 'would be refused',
}

function outcomeText(what: string, outcome: Unsureties['outcome'], terminal: Terminal): string {
  const action = text(outcome?.action)
  if (!Object.hasOwn(actions, action)) throw notUnderstood()
  const { after, reply } = outcome ?? {}
  const answer = isText(after) && isText(reply) ? ` after ${after}, with "${reply}"` : ''
  return wrap(`${what} ${actions[action]} here${answer}: ${text(outcome?.reason)}.`, terminal.columns)
}
