/**
 * `/api/troubleshoot/dmarc`: what SPF, DKIM, ARC and DMARC say of a message as if it came in now from an address,
 * each with its reason, and what the settings would do with it. Nothing is sent and nothing is kept.
 */
import { performance } from 'node:perf_hooks'
import { normaliseAddress } from '#base/domain-name.ts'
import { invalidProperties } from '#base/fault.ts'
import { formatIp, parseIp } from '#base/ip.ts'
import type { DmarcPolicy } from '#mailauth/dmarc-record.ts'
import type { Alignment } from '#mailauth/dmarc.ts'
import { text } from '#settings/field.ts'
import { type JsonSchema, objectSchema } from '#settings/json-schema.ts'
import { fallbacksOf, readValues } from '#settings/values.ts'
import { jsonBody } from './request.ts'
import type { ApiRoute } from './route.ts'

/** What is said about each check. */
interface Told {
  /** In the words of RFC 8601. */
  readonly result: string
  readonly reason: string
  /** What to do, where something is wrong. */
  readonly advice?: string
}

interface ToldSpf extends Told {
  /** Whose record was asked for. */
  readonly domain?: string
  readonly record?: string
}

interface ToldDkim extends Told {
  readonly domain: string
  readonly selector: string
  readonly algorithm: string
  /** Of the key, where one was found. */
  readonly keyBits?: number
  /** The domain says that it is only trying. */
  readonly testing: boolean
}

interface ToldArc extends Told {
  /** Who sealed, the first one first; none where the chain does not hold. */
  readonly sealers: readonly { readonly domain: string; readonly selector: string }[]
}

interface ToldDmarc extends Told {
  /** Of the author. */
  readonly domain: string
  readonly organizationalDomain?: string
  /** Where the record is, which may be above the domain, and its text. */
  readonly policyDomain?: string
  readonly record?: string
  /** What is wrong with the record. */
  readonly problems: readonly string[]
  readonly policy: DmarcPolicy
  /** What the owner of the domain wants done with this message. */
  readonly disposition: DmarcPolicy
  readonly spfAlignment: Alignment
  /** Of each signature. */
  readonly dkimAlignments: readonly Alignment[]
}

export interface ToldOutcome {
  /** `junk`: it is taken, and goes to the junk of its recipients. */
  readonly action: 'accept' | 'junk' | 'refuse'
  /** Where it is refused: after which command, with which reply. */
  readonly after?: 'MAIL' | 'DATA'
  readonly reply?: string
  readonly reason: string
}

export interface AuthenticationTest {
  /** Without a message the checks are those of an unsigned one from the sender. */
  readonly message: 'none' | 'headerOnly' | 'whole'
  readonly iprev: Told & { readonly names: readonly string[] }
  readonly spfEhlo: ToldSpf
  readonly spfMailFrom: ToldSpf
  readonly dkim: readonly ToldDkim[]
  readonly arc: ToldArc
  readonly dmarc: ToldDmarc
  readonly outcome: ToldOutcome
}

interface MailInQuestion {
  readonly remoteIp: string
  readonly ehloDomain: string
  /** Empty for the null reverse-path. */
  readonly mailFrom: string
  readonly message: Uint8Array | undefined
}

export interface TroubleshootDmarcOptions {
  /** Rejects with the signal's reason. */
  readonly testAuthentication: (
    question: MailInQuestion,
    o: { readonly signal: AbortSignal },
  ) => Promise<AuthenticationTest>
}

/** As it is shown. */
export type ShownAuthentication = AuthenticationTest & { readonly elapsedMs: number }

/** In Base64 it is as much as the body of a request may have. */
const longestMessage = 750_000
const longestName = 255

const fields = {
  remoteIp: text({
    fallback: '',
    required: true,
    help: 'The address of the client that delivers it.',
    allowed: 'an IP address',
    normalise: (given) => {
      const ip = parseIp(given)
      return ip === undefined ? undefined : formatIp(ip)
    },
  }),
  ehloDomain: text({
    fallback: '',
    required: true,
    help: 'What the client says in EHLO.',
    allowed: 'a name such as "mx.example.org"',
    normalise: (given) => (/^[\x21-\x7e\x80-\uffff]+$/.test(given) ? given : undefined),
    longest: longestName,
  }),
  mailFrom: text({
    fallback: '',
    help: 'The sender in MAIL FROM; nobody where absent, as for a notification.',
    allowed: 'an address such as "alice@example.org"',
    normalise: (given) => (given === '' ? '' : normaliseAddress(given)),
  }),
  message: text({
    fallback: undefined,
    help: 'The message as it came, or its header. Lines may end without CR.',
    longest: longestMessage,
  }),
  messageBase64: text({
    fallback: undefined,
    help: 'The same in Base64, for one that is not in UTF-8.',
    allowed: 'Base64 of a message',
    longest: (longestMessage / 3) * 4,
    normalise: (given) => (/^[A-Za-z0-9+/]+={0,2}$/.test(given) ? given : undefined),
  }),
}

interface Given {
  readonly remoteIp: string
  readonly ehloDomain: string
  readonly mailFrom: string
  readonly message?: string
  readonly messageBase64?: string
}

export const troubleshootDmarcRoute = ({ testAuthentication }: TroubleshootDmarcOptions): ApiRoute => ({
  method: 'POST',
  path: '/api/troubleshoot/dmarc',
  tag: 'Troubleshooting',
  summary: 'What SPF, DKIM, ARC and DMARC say of a message, and what would be done with it',
  permissions: ['actionTroubleshootDmarc'],
  body: objectSchema(fields, { required: true }),
  data: answerSchema(),
  handle: async (c) => {
    const question = readQuestion(await jsonBody(c))
    const began = performance.now()
    const found = await testAuthentication(question, { signal: c.req.raw.signal })
    const elapsedMs = Math.round(performance.now() - began)
    return c.json({ data: { ...found, elapsedMs } satisfies ShownAuthentication })
  },
})

function readQuestion(body: unknown): MailInQuestion {
  const { values, problems } = readValues(fields, body, 'create')
  const { message, messageBase64, ...rest } = { ...fallbacksOf(fields), ...values } as unknown as Given
  if (message !== undefined && messageBase64 !== undefined)
    throw invalidProperties([
      ...problems,
      { property: 'messageBase64', problem: 'must not be given with message' },
    ])
  if (problems.length > 0) throw invalidProperties(problems)
  const bytes = messageBase64 === undefined ? message : Buffer.from(messageBase64, 'base64')
  return { ...rest, message: bytes === undefined ? undefined : Buffer.from(bytes) }
}

function answerSchema(): JsonSchema {
  const string = { type: 'string' }
  const strings = { type: 'array', items: string }
  const told = (more: Readonly<Record<string, JsonSchema>> = {}): JsonSchema => ({
    type: 'object',
    properties: {
      result: { type: 'string', description: 'In the words of RFC 8601.' },
      reason: { type: 'string', description: 'Why, for people.' },
      advice: { type: 'string', description: 'What to do, where something is wrong.' },
      ...more,
    },
    required: ['result', 'reason'],
  })
  const spf = told({ domain: string, record: string })
  const policy = { type: 'string', enum: ['none', 'quarantine', 'reject'] }
  const alignment = { type: 'string', enum: ['strict', 'relaxed', 'none'] }
  const sealer = { type: 'object', properties: { domain: string, selector: string } }
  return {
    type: 'object',
    properties: {
      message: { type: 'string', enum: ['none', 'headerOnly', 'whole'] },
      iprev: told({ names: strings }),
      spfEhlo: spf,
      spfMailFrom: spf,
      dkim: {
        type: 'array',
        items: told({
          domain: string,
          selector: string,
          algorithm: string,
          keyBits: { type: 'integer' },
          testing: { type: 'boolean' },
        }),
      },
      arc: told({ sealers: { type: 'array', items: sealer } }),
      dmarc: told({
        domain: string,
        organizationalDomain: string,
        policyDomain: string,
        record: string,
        problems: strings,
        policy,
        disposition: policy,
        spfAlignment: alignment,
        dkimAlignments: { type: 'array', items: alignment },
      }),
      outcome: {
        type: 'object',
        properties: {
          action: { type: 'string', enum: ['accept', 'junk', 'refuse'] },
          after: { type: 'string', enum: ['MAIL', 'DATA'] },
          reply: string,
          reason: string,
        },
      },
      elapsedMs: { type: 'integer' },
    },
  }
}
