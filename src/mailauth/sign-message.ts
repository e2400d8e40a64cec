/** DKIM signatures of a message that is there as a whole, such as one that the server wrote itself. */
import { FieldScanner } from '#message/headers.ts'
import { type DkimSigningKey, DkimSigner } from './dkim-sign.ts'

/** The fields to put in front of it, each ended with CRLF; empty where there are no keys. */
export async function signMessage(
  message: Uint8Array,
  keys: readonly DkimSigningKey[],
  nowMs: number,
): Promise<string> {
  if (keys.length === 0) return ''
  const scanner = new FieldScanner(message)
  while (scanner.next());
  const signer = new DkimSigner({ keys, nowMs })
  signer.header(message.subarray(0, scanner.headerEnd))
  signer.body(message.subarray(scanner.headerEnd))
  return (await signer.end()).toString('latin1')
}
