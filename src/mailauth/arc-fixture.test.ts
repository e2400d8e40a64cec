/** What the tests of ARC share: a message that is sealed or checked at once. */
import { latin1 } from '#base/bytes.ts'
import type { AuthResults } from '#message/auth-results.ts'
import { ArcSealer, type ArcSealingKey } from './arc-seal.ts'
import { type ArcCheck, ArcVerifier, type ArcVerifierOptions } from './arc-verify.ts'
import { edKey, knownKeys, nowMs, records, resolverOf, split } from './dkim-fixture.test.ts'

export const message = latin1(
  [
    'From: Alice <alice@example.org>',
    'To: list@example.com',
    'Subject: Dinner',
    'DKIM-Signature: v=1; d=example.org; b=AAAA',
    'Authentication-Results: mx.example.com; spf=pass',
    '',
    'Are you hungry yet?',
    '',
  ].join('\r\n'),
)

export const results: AuthResults = {
  authservId: 'mx.example.com',
  results: [{ method: 'spf', result: 'pass', properties: [] }],
}

export function verify(bytes: Buffer, o: Partial<ArcVerifierOptions> = {}): Promise<ArcCheck> {
  const verifier = new ArcVerifier({
    resolver: resolverOf(records),
    known: knownKeys(),
    nowMs,
    clockSkewMs: 300_000,
    ...o,
  })
  const { header, body } = split(bytes)
  verifier.header(header)
  verifier.body(body)
  return verifier.end()
}

/** The message with a set in front of it; with none where it is not to be sealed. */
export async function seal(
  bytes: Buffer,
  o: {
    readonly key?: ArcSealingKey
    readonly checked?: ArcCheck['result']
    readonly found?: AuthResults
  } = {},
): Promise<Buffer> {
  const checked = o.checked ?? (await verify(bytes)).result
  const sealer = new ArcSealer({ key: o.key ?? edKey, nowMs })
  const { header, body } = split(bytes)
  sealer.header(header)
  sealer.body(body)
  return Buffer.concat([await sealer.end(checked, o.found ?? results), bytes])
}

export const changed = (bytes: Buffer, from: string | RegExp, to: string): Buffer => {
  const text = bytes.toString('latin1').replace(from, to)
  if (text === bytes.toString('latin1')) throw new Error(`nothing to change: ${from}`)
  return latin1(text)
}
