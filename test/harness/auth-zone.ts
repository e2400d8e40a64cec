/**
 * DNS data as the checks of `src/mailauth` see it, from an object, with what was asked counted. Names are
 * followed through CNAME; a loop of them is a failure, as it is for the real resolver.
 */
import type { AskedType, AuthResolver, Found } from '#mailauth/resolver.ts'

/** A record as `{ A: '192.0.2.1' }`, or TIMEOUT: no other question at this name is answered. */
export type ZoneRecord = 'TIMEOUT' | { readonly [type: string]: unknown }
export type ZoneData = { readonly [name: string]: readonly ZoneRecord[] }

const latin1 = (text: unknown): Buffer => Buffer.from(String(text), 'latin1')
const unDotted = (name: unknown): string => String(name).replace(/\.$/, '')

/** What stands in the data, in the form of `resolver.ts`. */
const forms: { readonly [T in AskedType]: (data: unknown) => unknown } = {
  A: (ip) => ({ ip }),
  AAAA: (ip) => ({ ip }),
  MX: (data) => {
    const [preference, exchange] = data as [number, string]
    return { preference, exchange: unDotted(exchange) }
  },
  TXT: (data) => ({ strings: Array.isArray(data) ? data.map(latin1) : [latin1(data)] }),
  PTR: (target) => ({ target: unDotted(target) }),
}

export class AuthZone implements AuthResolver {
  readonly #names: ReadonlyMap<string, readonly ZoneRecord[]>
  /** As `A example.org`. */
  readonly asked: string[] = []

  constructor(data: ZoneData) {
    this.#names = new Map(
      Object.entries(data).map(([name, records]) => [unDotted(name.toLowerCase()), records]),
    )
  }

  resolve<T extends AskedType>(
    name: string,
    type: T,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<Found<T>> {
    signal?.throwIfAborted()
    this.asked.push(`${type} ${name}`)
    return Promise.resolve(this.#find(name, type) as Found<T>)
  }

  #find(asked: string, type: AskedType): Found<AskedType> {
    let name = unescaped(unDotted(asked.toLowerCase()))
    for (let aliases = 0; aliases < 8; aliases++) {
      const all = this.#names.get(name)
      if (all === undefined) return this.#isAbove(name) ? { kind: 'noData' } : { kind: 'noName' }
      const found = valuesOf(all, type)
      if (found.length > 0)
        return { kind: 'answer', records: found.map((one) => forms[type](one)) as never, authentic: false }
      if (all.includes('TIMEOUT')) return { kind: 'failed', reason: 'no answer' }
      const [alias] = valuesOf(all, 'CNAME')
      if (typeof alias !== 'string') return { kind: 'noData' }
      name = unDotted(alias.toLowerCase())
    }
    return { kind: 'failed', reason: 'too many aliases' }
  }

  /** A name without records of its own, but with names below it. */
  #isAbove(name: string): boolean {
    for (const other of this.#names.keys()) if (other.endsWith(`.${name}`)) return true
    return false
  }
}

const valuesOf = (records: readonly ZoneRecord[], type: string): unknown[] =>
  records.flatMap((record) => (record !== 'TIMEOUT' && type in record ? [record[type]] : []))

/** RFC 1035 §5.1. */
const unescaped = (name: string): string =>
  name.replace(/\\(\d{3}|.)/g, (_, octet: string) =>
    octet.length === 3 ? String.fromCharCode(Number(octet)) : octet,
  )
