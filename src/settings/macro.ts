/**
 * Macros in values of the configuration file: `%{env:NAME}%` is an environment variable, `%{file:PATH}%` the
 * content of a file without its last line end. What they give is taken as it is, never expanded again.
 */
import { Fault } from '#base/fault.ts'

/** Undefined where there is no such variable or file. */
export type MacroReader = (kind: 'env' | 'file', name: string) => string | undefined

/**
 * Replaces the macros of a text in one pass. Throws Fault `invalid` for one that gives nothing and for a kind
 * that does not exist. `%{word}%` without a colon is left alone: it is a placeholder of another language.
 */
export function expandMacros(text: string, read: MacroReader): string {
  let expanded = ''
  let done = 0
  for (;;) {
    const start = text.indexOf('%{', done)
    const end = start === -1 ? -1 : text.indexOf('}%', start + 2)
    if (end === -1) return expanded + text.slice(done)
    expanded += text.slice(done, start) + expandOne(text.slice(start + 2, end), read)
    done = end + 2
  }
}

export const hasMacro = (text: string): boolean => /%\{\w+:/.test(text)

function expandOne(inner: string, read: MacroReader): string {
  const colon = inner.indexOf(':')
  const kind = inner.slice(0, Math.max(0, colon))
  if (!/^\w+$/.test(kind)) return `%{${inner}}%`
  const name = inner.slice(colon + 1)
  if (kind !== 'env' && kind !== 'file')
    throw new Fault(
      'invalid',
      `has the unknown macro %{${kind}:...}%: there are %{env:NAME}% and %{file:PATH}%`,
      {},
    )
  const value = read(kind, name)
  if (value !== undefined) return kind === 'file' ? value.replace(/\r?\n$/, '') : value
  const what =
    kind === 'env'
      ? `needs the environment variable ${name}, which is not set`
      : `needs the file ${name}, which cannot be read`
  throw new Fault('invalid', what, {})
}
