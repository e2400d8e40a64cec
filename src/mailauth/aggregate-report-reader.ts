/**
 * Reading DMARC aggregate reports of others: those of RFC 9990, of RFC 7489, and what is near enough to either
 * to be understood. Elements are taken by their local names, in any order, in any namespace.
 *
 * What must always hold: any bytes give a report or a SyntaxFault, in linear time and with memory in proportion.
 * Nothing is ever fetched or expanded: a document type ends the reading. What is in a report is somebody's
 * claim, and its texts are cut to a length.
 */
import { SaxesParser } from 'saxes'
import { asBuffer } from '#base/bytes.ts'
import { normaliseDomain } from '#base/domain-name.ts'
import { SyntaxFault } from '#base/fault.ts'
import { formatIp, parseIp } from '#base/ip.ts'
import { optional } from '#base/optional.ts'
import { decodeCharset } from '#message/charset.ts'
import type {
  AggregateRecord,
  AggregateReport,
  AuthResultName,
  DkimAuthResult,
  Extension,
  OverrideReason,
  OverrideType,
  PublishedPolicy,
  SpfAuthResult,
} from './aggregate-report.ts'

/** Deeper than any report, extensions included. */
const deepestNesting = 32
const longestText = 1000
const mostRecords = 100_000
/** In one record or outside of records. */
const mostElements = 5000
const mostExtensions = 20
/** The most common fault. The names are those that XML has without a document type. */
const bareAmpersand = /&(?!(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[\da-fA-F]{1,6});)/g
/** Faults of XML that are passed over; some writers forget to escape. */
const mostProblems = 20

export interface ReadReport {
  readonly report: AggregateReport
  /** What was wrong and passed over, for administrators. */
  readonly problems: readonly string[]
}

/** Characters between two steps: some milliseconds of work. */
const stepLength = 1 << 16

/** Throws a SyntaxFault, whose offset counts characters, where the document is no report. */
export function readAggregateReport(bytes: Uint8Array): ReadReport {
  const steps = aggregateReportSteps(bytes)
  for (;;) {
    const { done, value } = steps.next()
    if (done === true) return value
  }
}

/** The same in steps, between which others may have a turn: a report may have many thousand records. */
export function* aggregateReportSteps(bytes: Uint8Array): Generator<undefined, ReadReport> {
  const tree = new ReportTree()
  yield* tree.parse(decodeXml(bytes))
  return { report: tree.report(), problems: tree.problems }
}

/** By the byte order mark, then by what the document says of itself, unless it cannot be. */
function decodeXml(bytes: Uint8Array): string {
  const [first = 0, second = 0] = bytes
  if (first === 0xff && second === 0xfe) return decodeCharset(bytes, 'utf-16le')
  if (first === 0xfe && second === 0xff) return decodeCharset(bytes, 'utf-16be')
  const head = asBuffer(bytes).toString('latin1', 0, 200)
  const declared = /^\W{0,20}<\?xml[^>]{1,80}encoding\s{0,9}=\s{0,9}["']([\w.-]{1,40})["']/.exec(head)?.[1]
  const isPossible = declared !== undefined && !/^utf-?(?:16|32)/i.test(declared)
  return decodeCharset(bytes, isPossible ? declared : undefined).trimStart()
}

interface Node {
  readonly name: string
  /** The whole name, with its prefix. */
  readonly qualified: string
  text: string
  readonly children: Node[]
}

/** The parts of a report as they come; of records, what they say is kept and not their elements. */
class ReportTree {
  readonly problems: string[] = []
  readonly #parser = new SaxesParser()
  readonly #open: Node[] = []
  readonly #records: AggregateRecord[] = []
  readonly #namespaces = new Map<string, string>()
  #root: Node | undefined
  #isClosed = false
  /** Of the document once it is read, since the parser then begins anew. */
  #length: number | undefined
  #elements = 0
  /** Those before the record that is being read. */
  #elementsBefore = 0

  constructor() {
    this.#parser.on('error', ({ message }) => this.#problem(message))
    this.#parser.on('doctype', () => this.#fail('a document type is not taken'))
    this.#parser.on('opentag', ({ name, attributes }) => this.#start(name, attributes))
    this.#parser.on('closetag', () => this.#end())
    this.#parser.on('text', (text) => this.#text(text))
    this.#parser.on('cdata', (text) => this.#text(text))
  }

  *parse(text: string): Generator<undefined, void> {
    let length = 0
    for (let at = 0; at < text.length;) {
      // No entity has this character in it, so none is cut in two.
      const close = text.indexOf('>', at + stepLength)
      const piece = text.slice(at, close < 0 ? text.length : close + 1)
      const escaped = piece.replace(bareAmpersand, '&amp;')
      if (escaped.length !== piece.length && length === at) this.#problem('an ampersand is not escaped')
      this.#parser.write(escaped)
      at += piece.length
      length += escaped.length
      yield undefined
    }
    this.#parser.close()
    this.#length = length
    if (this.#root === undefined || !this.#isClosed) this.#fail('the document has no whole element feedback')
  }

  #fail(message: string): never {
    throw new SyntaxFault(message, this.#length ?? this.#parser.position)
  }

  #problem(message: string): void {
    if (this.problems.length >= mostProblems) this.#fail('too many faults')
    this.problems.push(message.slice(0, longestText))
  }

  #start(qualified: string, attributes: Readonly<Record<string, string>>): void {
    const name = qualified.slice(qualified.indexOf(':') + 1)
    if (this.#open.length >= deepestNesting) this.#fail('elements are nested too deeply')
    if (++this.#elements > mostElements) this.#fail('too many elements')
    const node = { name, qualified, text: '', children: [] }
    if (this.#open.length === 0) {
      if (name !== 'feedback' || this.#root !== undefined)
        this.#fail('the document is not one element feedback')
      this.#root = node
      for (const [key, value] of Object.entries(attributes).slice(0, mostExtensions)) {
        if (key.startsWith('xmlns:')) this.#namespaces.set(key.slice('xmlns:'.length), cut(value))
      }
    } else {
      this.#open.at(-1)!.children.push(node)
      if (this.#open.length === 1) this.#elementsBefore = this.#elements
    }
    this.#open.push(node)
  }

  #end(): void {
    const node = this.#open.pop()
    if (this.#open.length === 0) this.#isClosed = true
    if (node?.name !== 'record' || this.#open.length !== 1) return
    this.#root!.children.pop()
    this.#elements = this.#elementsBefore - 1
    if (this.#records.length === mostRecords) this.#fail('too many records')
    const record = readRecord(node, this.#extensionsOf(node))
    if (record === undefined) this.#problem('a record says not how many messages it is about')
    else this.#records.push(record)
  }

  #text(text: string): void {
    const node = this.#open.at(-1)
    if (node !== undefined && node.text.length < longestText) node.text += text.slice(0, longestText)
  }

  /** Children with a prefix that the root declares. */
  #extensionsOf(parent: Node): readonly Extension[] {
    const found: Extension[] = []
    for (const { name, qualified } of parent.children) {
      const definition = this.#namespaces.get(qualified.slice(0, -name.length - 1))
      if (definition !== undefined && found.length < mostExtensions)
        found.push({ name: cut(name), definition })
    }
    return found
  }

  report(): AggregateReport {
    const root = this.#root!
    const metadata = child(root, 'report_metadata')
    const range = child(metadata, 'date_range')
    const begin = wholeNumber(textOf(range, 'begin'))
    const end = wholeNumber(textOf(range, 'end'))
    const reportId = textOf(metadata, 'report_id')
    const policy = readPolicy(child(root, 'policy_published'))
    if (begin === undefined || end === undefined) this.#fail('the report has no range of dates')
    if (reportId === undefined) this.#fail('the report has no id')
    if (policy === undefined) this.#fail('the report names no policy domain')
    return {
      orgName: textOf(metadata, 'org_name') ?? '',
      email: textOf(metadata, 'email') ?? '',
      ...optional('extraContactInfo', textOf(metadata, 'extra_contact_info')),
      reportId,
      begin,
      end,
      errors: children(metadata, 'error').flatMap(({ text }) => (tidy(text) === '' ? [] : [tidy(text)])),
      ...optional('generator', textOf(metadata, 'generator')),
      policy,
      extensions: children(root, 'extension').flatMap((one) => this.#extensionsOf(one)),
      records: this.#records,
    }
  }
}

const cut = (text: string): string => text.slice(0, longestText)
const tidy = (text: string): string => cut(text).replace(/\s+/g, ' ').trim()

const children = (parent: Node | undefined, name: string): readonly Node[] =>
  parent?.children.filter((one) => one.name === name) ?? []
const child = (parent: Node | undefined, name: string): Node | undefined =>
  parent?.children.find((one) => one.name === name)

/** Undefined where the element is not there or empty. */
function textOf(parent: Node | undefined, name: string): string | undefined {
  return tidy(child(parent, name)?.text ?? '') || undefined
}

/** Some write numbers with decimals. */
function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}(?:\.\d{0,9})?$/.test(text) ? Math.trunc(Number(text)) : undefined
}

/** The word as it stands in the list, whatever case it was written in. */
function wordOf<T extends string>(words: readonly T[], text: string | undefined): T | undefined {
  return words.find((one) => one === text?.toLowerCase())
}

const policies = ['none', 'quarantine', 'reject'] as const
const dispositions = [...policies, 'pass'] as const
const modes = ['r', 's'] as const

function readPolicy(node: Node | undefined): PublishedPolicy | undefined {
  const domain = normaliseDomain(textOf(node, 'domain') ?? '')
  if (domain === undefined) return undefined
  const testing = wordOf(['y', 'n'] as const, textOf(node, 'testing'))
  return {
    domain,
    ...optional('discoveryMethod', wordOf(['psl', 'treewalk'] as const, textOf(node, 'discovery_method'))),
    p: wordOf(policies, textOf(node, 'p')) ?? 'none',
    ...optional('sp', wordOf(policies, textOf(node, 'sp'))),
    ...optional('np', wordOf(policies, textOf(node, 'np'))),
    ...optional('adkim', wordOf(modes, textOf(node, 'adkim'))),
    ...optional('aspf', wordOf(modes, textOf(node, 'aspf'))),
    ...optional('fo', textOf(node, 'fo')),
    ...optional('isTesting', testing === undefined ? undefined : testing === 'y'),
  }
}

/** Undefined where the number of messages is missing. */
function readRecord(node: Node, extensions: readonly Extension[]): AggregateRecord | undefined {
  const row = child(node, 'row')
  const evaluated = child(row, 'policy_evaluated')
  const count = wholeNumber(textOf(row, 'count'))
  if (count === undefined) return undefined
  const ip = parseIp(textOf(row, 'source_ip') ?? '')
  const identifiers = child(node, 'identifiers')
  const envelopeFrom = child(identifiers, 'envelope_from')?.text
  const results = child(node, 'auth_results')
  return {
    ...optional('sourceIp', ip && formatIp(ip)),
    count,
    disposition: wordOf(dispositions, textOf(evaluated, 'disposition')) ?? 'none',
    dkim: wordOf(['pass'] as const, textOf(evaluated, 'dkim')) ?? 'fail',
    spf: wordOf(['pass'] as const, textOf(evaluated, 'spf')) ?? 'fail',
    reasons: children(evaluated, 'reason').flatMap(readReason),
    headerFrom: textOf(identifiers, 'header_from')?.toLowerCase() ?? '',
    ...optional('envelopeFrom', envelopeFrom === undefined ? undefined : tidy(envelopeFrom).toLowerCase()),
    ...optional('envelopeTo', textOf(identifiers, 'envelope_to')?.toLowerCase()),
    dkimResults: children(results, 'dkim').flatMap(readDkim),
    spfResults: children(results, 'spf').flatMap(readSpf),
    extensions,
  }
}

const overrides: readonly OverrideType[] = [
  'local_policy',
  'mailing_list',
  'other',
  'policy_test_mode',
  'trusted_forwarder',
  'forwarded',
  'sampled_out',
]

function readReason(node: Node): readonly OverrideReason[] {
  const type = textOf(node, 'type')
  const comment = textOf(node, 'comment')
  if (type === undefined && comment === undefined) return []
  return [{ type: wordOf(overrides, type) ?? 'other', ...optional('comment', comment) }]
}

const resultNames: readonly AuthResultName[] = [
  'none',
  'pass',
  'fail',
  'softfail',
  'policy',
  'neutral',
  'temperror',
  'permerror',
]
/** RFC 7489 Appendix C, and names that SPF had before RFC 7208. */
const oldNames: Readonly<Record<string, AuthResultName>> = {
  unknown: 'temperror',
  error: 'permerror',
  hardfail: 'fail',
}

function readResult(node: Node): AuthResultName {
  const text = textOf(node, 'result')?.toLowerCase()
  return (
    wordOf(resultNames, text) ??
    (text !== undefined && Object.hasOwn(oldNames, text) ? oldNames[text]! : 'none')
  )
}

function readDkim(node: Node): readonly DkimAuthResult[] {
  const domain = textOf(node, 'domain')
  if (domain === undefined) return []
  return [
    {
      domain: domain.toLowerCase(),
      ...optional('selector', textOf(node, 'selector')),
      result: readResult(node),
      ...optional('humanResult', textOf(node, 'human_result')),
    },
  ]
}

function readSpf(node: Node): readonly SpfAuthResult[] {
  const domain = textOf(node, 'domain')
  if (domain === undefined) return []
  return [
    {
      domain: domain.toLowerCase(),
      ...optional('scope', wordOf(['mfrom', 'helo'] as const, textOf(node, 'scope'))),
      result: readResult(node),
      ...optional('humanResult', textOf(node, 'human_result')),
    },
  ]
}
