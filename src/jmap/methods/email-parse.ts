/** Email/parse (RFC 8621 §4.9): what blobs are as messages, without making them some. */
import { isFault } from '#base/fault.ts'
import type { OpenAccount } from '../accounts.ts'
import { openBlobId } from '../blob-id.ts'
import { objectOf } from '../dispatch.ts'
import {
  bodyArguments,
  bodyOptions,
  isEmailProperty,
  messageReader,
  usualParsedProperties,
} from '../email/email-object.ts'
import { objectReader } from '../email/object-reader.ts'
import { AnswerBudget, blobSource, type EmailSource } from '../email/source.ts'
import { MethodError } from '../errors.ts'
import { accountField, type Call, method } from '../method.ts'
import { jmapSettings } from '../settings.ts'
import { type JsonObject, listOf, nullable, string, wantedId } from '../value.ts'

/** Of what is no stored message. */
const absent: ReadonlySet<string> = new Set(['id', 'mailboxIds', 'keywords', 'receivedAt', 'threadId'])

export const emailParse = method({
  name: 'Email/parse',
  using: 'urn:ietf:params:jmap:mail',
  standard: 'RFC 8621 §4.9',
  permission: 'jmapEmailParse',
  arguments: {
    ...accountField,
    blobIds: listOf(wantedId),
    properties: nullable(listOf(string)),
    ...bodyArguments,
  },
  required: ['accountId', 'blobIds'],
  async call(call, args) {
    const account = await call.account(args.accountId!)
    const body = bodyOptions(args)
    const readEmail = objectReader<EmailSource>(
      propertiesOf(args.properties).map((name) => [
        name,
        absent.has(name) ? () => null : messageReader(name, body),
      ]),
      ({ budget }) => budget,
    )
    const most = call.services.settings.get(jmapSettings).parseLimitEmail
    const ids = new Set(args.blobIds)
    if (ids.size > most)
      throw new MethodError('requestTooLarge', `At most ${most} blobs can be parsed in one call.`)
    const budget = new AnswerBudget()
    const parsed = new Map<string, JsonObject>()
    const notParsable: string[] = []
    const notFound: string[] = []
    for (const blobId of ids) {
      call.signal.throwIfAborted()
      const source = await openMessage(call, account, call.resolve(blobId) ?? blobId, budget)
      if (source === 'notFound') notFound.push(blobId)
      else if (source === 'notParsable') notParsable.push(blobId)
      else parsed.set(blobId, await readEmail(source))
    }
    const orNull = (list: readonly string[]): readonly string[] | null => (list.length === 0 ? null : list)
    return [
      {
        arguments: {
          accountId: account.text,
          parsed: parsed.size === 0 ? null : objectOf(parsed),
          notParsable: orNull(notParsable),
          notFound: orNull(notFound),
        },
      },
    ]
  },
})

function propertiesOf(given: readonly string[] | null | undefined): readonly string[] {
  for (const name of given ?? [])
    if (!isEmailProperty(name))
      throw new MethodError(
        'invalidArguments',
        `There is no property ${JSON.stringify(name.slice(0, 200))}.`,
        {
          arguments: ['properties'],
        },
      )
  return [...new Set(given ?? usualParsedProperties)]
}

async function openMessage(
  { services }: Call,
  account: OpenAccount,
  blobId: string,
  budget: AnswerBudget,
): Promise<EmailSource | 'notFound' | 'notParsable'> {
  try {
    const content = await openBlobId(services, account, blobId)
    if (content === undefined) return 'notFound'
    const source = await blobSource(blobId, content, budget)
    // RFC 5322 §3.6: what does not begin with a field is no message.
    return (await source.header()).isEmpty ? 'notParsable' : source
  } catch (error) {
    if (isFault(error, 'notFound')) return 'notFound'
    throw error
  }
}
