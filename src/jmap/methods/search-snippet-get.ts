/** SearchSnippet/get (RFC 8621 §5.1). */
import type { MessageId } from '#base/id.ts'
import { SeenEmails } from '#mail/email-query/filter.ts'
import { emailObjectId, objectNumber } from '#mail/object-id.ts'
import { searchSnippets, snippetTerms } from '#mail/search/snippet.ts'
import { emailConditions, emailFilterOf } from '../email-query-arguments.ts'
import { MethodError } from '../errors.ts'
import { readFilter } from '../filter.ts'
import { accountField, method } from '../method.ts'
import { jmapSettings } from '../settings.ts'
import { anything, type JsonObject, listOf, wantedId } from '../value.ts'

export const searchSnippetGet = method({
  name: 'SearchSnippet/get',
  using: 'urn:ietf:params:jmap:mail',
  standard: 'RFC 8621 §5.1',
  permission: 'jmapSearchSnippetGet',
  arguments: { ...accountField, filter: anything, emailIds: listOf(wantedId) },
  required: ['accountId', 'emailIds'],
  async call(call, args) {
    const account = await call.account(args.accountId!)
    const { services, signal } = call
    const filter = readFilter(args.filter, emailConditions)
    const terms = await snippetTerms(filter === undefined ? undefined : emailFilterOf(call, account, filter))
    const wanted = [...new Set(args.emailIds)]
    if (wanted.length > services.settings.get(jmapSettings).getMaxResults)
      throw new MethodError('requestTooLarge')
    const view = await (await services.views.open(account.id)).loadEmails()
    const seen = new SeenEmails(view, (mailbox) => account.mayRead(mailbox))
    const there = wanted.flatMap((text) => {
      const number = objectNumber('M', call.resolve(text) ?? text, account.idPrefix)
      return number === undefined || !seen.has(number) ? [] : [[text, number as MessageId] as const]
    })
    const ids = there.map(([, id]) => id)
    const snippets = await searchSnippets({ ...services, signal }, account.id, ids, terms)
    const list: JsonObject[] = []
    const found = new Set<string>()
    for (const [i, [text, number]] of there.entries()) {
      if (snippets[i] === undefined) continue
      found.add(text)
      list.push({ emailId: emailObjectId(number, account.idPrefix), ...snippets[i] })
    }
    const notFound = wanted.filter((text) => !found.has(text))
    const told = { accountId: account.text, list, notFound: notFound.length === 0 ? null : notFound }
    return [{ arguments: told }]
  },
})
