/**
 * Which fields of which objects name others, so that a plan can be carried out in an order in which what is
 * named is there. Fields that are not here name nothing, or are judged by the server whenever they are read.
 */
import { domainPart } from '#base/domain-name.ts'
import type { Values } from '../object-client.ts'

/** Objects are written in this order, each after what stands before it. */
const ranks = ['Domain', 'Role', 'Account', 'MailingList']

export const rankOf = (object: string): number => {
  const rank = ranks.indexOf(object)
  return rank < 0 ? ranks.length : rank
}

const references: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  Domain: { redirectTo: ['Domain'], catchAllAddress: ['Account', 'MailingList'] },
  Role: { roles: ['Role'] },
  Account: { memberOf: ['Account'], roles: ['Role'] },
}

export interface Reference {
  readonly field: string
  /** As `identityOf` gives it, one for each kind that it may be. */
  readonly to: readonly string[]
}

/** Names are compared as the server does: addresses and domains in any case. */
export const identityOf = (object: string, name: string): string => `${object}\n${name.toLowerCase()}`

export function referencesOf(object: string, values: Values): readonly Reference[] {
  return Object.entries(references[object] ?? {}).flatMap(([field, kinds]) => {
    const value = values[field]
    const names = (Array.isArray(value) ? (value as unknown[]) : [value]).filter(
      (one) => typeof one === 'string',
    )
    return names.map((name) => ({ field, to: kinds.map((kind) => identityOf(kind, name)) }))
  })
}

const namesAlone = new Set(Object.values(references).flatMap((fields) => Object.keys(fields)))

/** Whether a value that the server does not take now needs something that the plan brings: what it names, or its domain. */
export function isBrought(field: string, text: string, brought: ReadonlySet<string>): boolean {
  const [name] = field.split(/[.[]/, 1) as [string]
  const domain = domainPart(text)
  if (brought.has(identityOf('Domain', domain))) return true
  return namesAlone.has(name) && ranks.some((kind) => brought.has(identityOf(kind, text)))
}
