/**
 * Whose word counts for a message that was changed on its way (RFC 8617 §7.2): a forwarder or list that the
 * settings trust, and that found DMARC to pass.
 *
 * What must hold: everybody who sealed from there on is trusted as well, since whoever sealed last could have
 * changed everything; and what passed there was the author's domain that the message shows now.
 */
import { normaliseDomain } from '#base/domain-name.ts'
import { parseArcAuthResults } from '#message/auth-results-reader.ts'
import type { ArcCheck } from './arc-verify.ts'

/** The domain of the sealer; undefined where nobody counts. `author` and `trusted` are normalised. */
export function vouchingSealer(
  arc: ArcCheck,
  author: string,
  trusted: readonly string[],
): string | undefined {
  if (arc.result !== 'pass') return undefined
  for (const { domain, results } of arc.sets.toReversed()) {
    if (!trusted.includes(domain)) return undefined
    if (saysDmarcPassed(results, author)) return domain
  }
  return undefined
}

const saysDmarcPassed = (text: string, author: string): boolean =>
  parseArcAuthResults(text)?.results.results.some(
    ({ method, result, properties }) =>
      method === 'dmarc' &&
      result === 'pass' &&
      properties.some(
        ({ ptype, property, value }) =>
          ptype === 'header' && property === 'from' && normaliseDomain(value) === author,
      ),
  ) === true
