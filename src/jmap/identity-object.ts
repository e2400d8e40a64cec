/** Identity as JMAP shows and takes it (RFC 8621 §6). */
import type { PropertyProblem } from '#base/fault.ts'
import type { Identity, IdentityRow } from '#mail/submission/identity.ts'
import { identityObjectId } from '#mail/object-id.ts'
import { readMailbox } from '#message/path.ts'
import type { OpenAccount } from './accounts.ts'
import { invalidProperties } from './errors.ts'
import { type JsonObject, listOf, nullable, object, readFields, string } from './value.ts'

const addresses = nullable(listOf(object({ name: nullable(string), email: string })))

const fields = {
  name: string,
  email: string,
  replyTo: addresses,
  bcc: addresses,
  textSignature: string,
  htmlSignature: string,
} as const

export const identityDefaults = {
  name: '',
  replyTo: null,
  bcc: null,
  textSignature: '',
  htmlSignature: '',
} as const

export const identityProperties = ['id', ...Object.keys(fields), 'mayDelete'] as const

/** In characters. */
const longestSignature = 262_144
const longestName = 1000
const mostAddresses = 100

export function identityObject(
  account: OpenAccount,
  { id, name, email, replyTo, bcc, textSignature, htmlSignature, isGiven }: Identity,
): JsonObject {
  const shown = (list: Identity['bcc']) => list?.map((one) => ({ ...one })) ?? null
  return {
    id: identityObjectId(id, account.idPrefix),
    name,
    email,
    replyTo: shown(replyTo),
    bcc: shown(bcc),
    textSignature,
    htmlSignature,
    mayDelete: isGiven !== true,
  }
}

/** Of an object that is complete but for what has a default. Throws SetFault `invalidProperties`. */
export function readIdentityObject(input: JsonObject): IdentityRow {
  const problems: PropertyProblem[] = []
  const given = readFields(fields, input, problems)
  const lists = { replyTo: given.replyTo ?? [], bcc: given.bcc ?? [] }
  if (problems.length === 0) problems.push(...limitProblems(given, lists))
  const { email } = given
  if (email === undefined) problems.push({ property: 'email', problem: 'must be there' })
  else if (problems.length === 0 && !isPossible(email))
    problems.push({ property: 'email', problem: 'must be an address' })
  if (problems.length > 0) throw invalidProperties(problems)
  const named = (list: typeof given.bcc) =>
    list?.map((one) => ({ name: one.name ?? null, email: one.email! })) ?? null
  return {
    name: given.name ?? '',
    email: email!,
    replyTo: named(given.replyTo),
    bcc: named(given.bcc),
    textSignature: given.textSignature ?? '',
    htmlSignature: given.htmlSignature ?? '',
  }
}

function limitProblems(
  { name = '', textSignature = '', htmlSignature = '' }: Partial<Record<keyof typeof fields, unknown>>,
  lists: Readonly<Record<string, readonly { readonly email?: string }[]>>,
): readonly PropertyProblem[] {
  const problems: PropertyProblem[] = []
  const bound = (property: string, text: unknown, most: number): void => {
    if ((text as string).length > most) problems.push({ property, problem: `may have ${most} characters` })
  }
  bound('name', name, longestName)
  bound('textSignature', textSignature, longestSignature)
  bound('htmlSignature', htmlSignature, longestSignature)
  for (const [property, list] of Object.entries(lists)) {
    if (list.length > mostAddresses)
      problems.push({ property, problem: `may have ${mostAddresses} addresses` })
    for (const [i, one] of list.entries())
      if (one.email === undefined)
        problems.push({ property: `${property}/${i}/email`, problem: 'must be there' })
  }
  return problems
}

/** RFC 8621 §6: a star alone stands for any local part. */
const isPossible = (email: string): boolean =>
  readMailbox(email.startsWith('*@') ? `any${email.slice(1)}` : email) !== undefined
