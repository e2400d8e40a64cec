/** A resolver for checks of email authentication, over texts in memory. */
import type { AuthResolver } from '#mailauth/resolver.ts'

/** The texts of a name; `failed` gives no answer. */
export type Texts = Readonly<Record<string, readonly string[] | 'failed'>>

export interface TextResolver extends AuthResolver {
  /** Names, in the order they were asked for. */
  readonly asked: string[]
}

export function textResolver(texts: Texts): TextResolver {
  const asked: string[] = []
  const answer = (name: string) => {
    asked.push(name)
    const found = texts[name.toLowerCase()]
    if (found === 'failed') return { kind: 'failed', reason: 'no server answers' }
    if (found === undefined) return { kind: 'noName' }
    // In two strings, which are to be joined.
    const records = found.map((text) => ({
      strings: [Buffer.from(text.slice(0, 5), 'latin1'), Buffer.from(text.slice(5), 'latin1')],
    }))
    return { kind: 'answer', records, authentic: false }
  }
  const resolve = (name: string) => Promise.resolve(answer(name))
  return { asked, resolve } as unknown as TextResolver
}
