/**
 * Stored bytes once more as a message that has just come in: staged and parsed. Attaching them again makes a
 * link, not a copy.
 */
import type { BlobStore } from '#blob/store.ts'
import type { Staged } from '#kv/backend.ts'
import { StructureParser } from '#message/mime.ts'
import type { MessageStructure } from '#message/structure.ts'
import { asBuffer } from '#base/bytes.ts'

export interface Restaged {
  readonly staged: Staged
  readonly structure: MessageStructure
  /** Removes what was staged and not attached; repeatable. */
  abort(): Promise<void>
}

export async function restage(
  blobs: Pick<BlobStore, 'stager'>,
  content: AsyncIterable<Uint8Array>,
): Promise<Restaged> {
  const stager = blobs.stager({ maxBytes: Number.MAX_SAFE_INTEGER })
  const parser = new StructureParser()
  try {
    for await (const piece of content) {
      parser.push(asBuffer(piece))
      await stager.write(piece)
    }
    const staged = await stager.finish()
    return { staged, structure: parser.end(), abort: () => stager.abort() }
  } catch (error) {
    await stager.abort()
    throw error
  }
}
