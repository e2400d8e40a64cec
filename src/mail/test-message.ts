/** A message as it is before the commit that makes it visible, for tests of any folder. */
import type { BlobStore } from '#blob/store.ts'
import { parseStructure } from '#message/mime.ts'
import { type PreparedMessage, prepareMessage } from './prepare.ts'

/** Stages and reads the bytes. `prefix` is what stands in front of them in this mailbox, a byte for each character. */
export async function prepareBytes(
  blobs: Pick<BlobStore, 'stager'>,
  bytes: Uint8Array,
  o: { readonly receivedAt: number; readonly prefix?: string },
): Promise<PreparedMessage> {
  const stager = blobs.stager({ maxBytes: 1 << 30 })
  await stager.write(bytes)
  return prepareMessage({
    staged: await stager.finish(),
    structure: parseStructure(bytes),
    prefix: Buffer.from(o.prefix ?? '', 'latin1'),
    receivedAt: o.receivedAt,
  })
}
