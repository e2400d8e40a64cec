/**
 * The bytes of a message as they go out: what is hidden taken out of the header, what was missing put in front,
 * signed. The message is read once, in pieces; where nothing is taken out, its stored bytes are sent as they are.
 */
import { isAscii } from 'node:buffer'
import { asBuffer } from '#base/bytes.ts'
import type { BlobStore, Stager } from '#blob/store.ts'
import type { Staged } from '#kv/backend.ts'
import { type DkimSigningKey, DkimSigner } from '#mailauth/dkim-sign.ts'
import { LineEndCheck } from '#message/line-ends.ts'
import type { StoredBytes } from '#queue/enqueue.ts'
import { readMessage } from '../message-bytes.ts'
import type { MessageRow } from '../message-row.ts'
import { withoutDropped } from './header.ts'
import { invalidEmail } from './refusal.ts'

export interface SubmissionContent {
  readonly bytes: Staged | StoredBytes
  /** DKIM-Signature fields, each ended with CRLF. */
  readonly signatures: string
  readonly is8bit: boolean
  /** Its header has more than ASCII (RFC 6532). */
  readonly needsUtf8: boolean
  /** Removes what was staged and not attached; repeatable. */
  abort(): Promise<void>
}

export interface ContentOptions {
  readonly blobs: BlobStore
  readonly row: MessageRow
  /** Whole, with the empty line behind it. */
  readonly header: Buffer
  readonly dropped: readonly { readonly start: number; readonly end: number }[]
  /** Fields that the message gets in front. */
  readonly added: string
  readonly keys: readonly DkimSigningKey[]
  readonly nowMs: number
}

/** Throws SubmissionRefusal `invalidEmail`. */
export async function submissionContent(o: ContentOptions): Promise<SubmissionContent> {
  const { blobs, row, header, keys, nowMs } = o
  const kept = withoutDropped(header, o.dropped)
  const isAsStored = row.prefix.length === 0 && kept.length === header.length
  const stager = isAsStored ? undefined : blobs.stager({ maxBytes: row.prefix.length + row.blobBytes })
  const signer = keys.length === 0 ? undefined : new DkimSigner({ keys, nowMs })
  signer?.header(Buffer.concat([Buffer.from(o.added), kept]))
  try {
    await stager?.write(kept)
    const body = await passBody(o, stager, signer)
    const needsUtf8 = !isAscii(kept)
    return {
      bytes: stager === undefined ? { hash: row.blob, sizeBytes: row.blobBytes } : await stager.finish(),
      signatures: (await signer?.end())?.toString('latin1') ?? '',
      is8bit: needsUtf8 || body.is8bit,
      needsUtf8,
      abort: async () => stager?.abort(),
    }
  } catch (error) {
    await stager?.abort()
    throw error
  }
}

async function passBody(
  { blobs, row, header }: ContentOptions,
  stager: Stager | undefined,
  signer: DkimSigner | undefined,
): Promise<{ readonly is8bit: boolean }> {
  const lineEnds = new LineEndCheck()
  lineEnds.push(header)
  let is8bit = false
  for await (const piece of readMessage(blobs, row, header.length)) {
    lineEnds.push(piece)
    is8bit ||= !isAscii(piece)
    signer?.body(piece)
    const written = stager?.write(asBuffer(piece))
    if (written instanceof Promise) await written
  }
  // RFC 5321 §2.3.8.
  if (lineEnds.hasBareLineEnd)
    throw invalidEmail(['bodyStructure'], 'the message has line ends that are not CRLF')
  return { is8bit }
}
