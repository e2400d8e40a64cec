/**
 * Takes a report out of what it was sent in: gzip (RFC 9990 §3.5.2, RFC 8460 §5.3), zip, which older writers
 * of DMARC reports use, or nothing. The bytes say which; names and types of attachments are often wrong.
 *
 * What must always hold: never more than the limit is inflated, and little more is held, whatever the sizes in
 * an archive say; of an archive with thousands of entries only the first are looked at.
 */
import { setImmediate } from 'node:timers/promises'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { Unzip, type UnzipFile, UnzipInflate } from 'fflate'
import { Fault, SyntaxFault } from '#base/fault.ts'

const inflateGzip = promisify(gunzip)

/**
 * The document, at most `maxBytes` long. Throws `tooLarge` where it is longer, and a SyntaxFault where the
 * bytes cannot be unpacked or hold no report.
 */
export async function unpackReport(bytes: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return unpackGzip(bytes, maxBytes)
  if (bytes[0] === 0x50 && bytes[1] === 0x4b) return unpackZip(bytes, maxBytes)
  if (bytes.length > maxBytes) throw tooLarge(maxBytes)
  return bytes
}

const tooLarge = (limit: number): Fault =>
  new Fault(
    'tooLarge',
    'the report is too large',
    { limit },
    { reason: `unpacked it is over ${limit} bytes` },
  )

async function unpackGzip(bytes: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  try {
    return await inflateGzip(bytes, { maxOutputLength: maxBytes })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(maxBytes)
    throw new SyntaxFault(`the gzip data cannot be unpacked: ${(error as Error).message}`, 0)
  }
}

/** Deflate makes at most 1032 bytes of one: so much input is inflated between two looks at the limit. */
const zipStep = 4096
const mostEntries = 20
/** Others get a turn after so many bytes. */
const turnBytes = 1 << 20

async function unpackZip(bytes: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  const entry = new ZipEntry(maxBytes)
  let turnAt = turnBytes
  for (let at = 0; at < bytes.length && !entry.isWhole; at += zipStep) {
    entry.push(bytes.subarray(at, at + zipStep), at)
    if (entry.length >= turnAt) {
      turnAt = entry.length + turnBytes
      await setImmediate()
    }
  }
  if (!entry.isWhole) throw new SyntaxFault('the zip archive has no whole report in it', bytes.length)
  return Buffer.concat(entry.chunks)
}

/** The first entry that is a report by its name. */
class ZipEntry {
  readonly chunks: Uint8Array[] = []
  length = 0
  isWhole = false
  readonly #maxBytes: number
  readonly #unzip: Unzip
  #entries = 0
  #isFound = false
  #fault: Error | undefined

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
    this.#unzip = new Unzip((file) => this.#meet(file))
    this.#unzip.register(UnzipInflate)
  }

  push(chunk: Uint8Array, offset: number): void {
    try {
      this.#unzip.push(chunk)
    } catch (error) {
      this.#fault ??= new SyntaxFault(
        `the zip archive cannot be unpacked: ${(error as Error).message}`,
        offset,
      )
    }
    if (this.#fault !== undefined) throw this.#fault
  }

  #meet(file: UnzipFile): void {
    if (++this.#entries > mostEntries) {
      this.#fault ??= new SyntaxFault('the zip archive has too many entries', 0)
      throw this.#fault
    }
    if (this.#isFound || !/\.(?:xml|json)$/i.test(file.name)) return
    this.#isFound = true
    if ((file.originalSize ?? 0) > this.#maxBytes) this.#fault = tooLarge(this.#maxBytes)
    if (this.#fault !== undefined) throw this.#fault
    file.ondata = (error, data, final) => this.#take(error, data, final)
    file.start()
  }

  #take(error: Error | null, data: Uint8Array | null, final: boolean): void {
    if (error !== null) throw error
    this.length += data?.length ?? 0
    if (this.length > this.#maxBytes) {
      this.#fault ??= tooLarge(this.#maxBytes)
      throw this.#fault
    }
    // The library may write over its buffer.
    if (data !== null) this.chunks.push(Buffer.from(data))
    this.isWhole ||= final
  }
}
