/**
 * The text of office documents: those of Office Open XML (ECMA-376) and OpenDocument (ISO 26300), which are zip
 * archives with XML in them.
 *
 * What must always hold: little more than the limit is inflated and held, whatever the archive says of itself.
 */
import { Unzip, UnzipInflate } from 'fflate'
import { xmlText } from './xml-text.ts'

/** The parts that people read, in Word, Excel, PowerPoint and OpenDocument. */
const readable =
  /^(?:word\/(?:document|header\d*|footer\d*|footnotes|endnotes|comments)\.xml|xl\/(?:sharedStrings|worksheets\/sheet\d+)\.xml|ppt\/(?:slides\/slide|notesSlides\/notesSlide)\d+\.xml|content\.xml)$/
/** Deflate makes at most 1032 bytes of one: so much input is inflated between two looks at the limit. */
const step = 4096
const mostEntries = 2000

/** At most about `maxBytes` of XML are looked at. What cannot be unpacked has no text. */
export function officeText(bytes: Uint8Array, maxBytes: number): string {
  /** Of each part what was inflated, in order. */
  const parts: Uint8Array[][] = []
  let inflated = 0
  let entries = 0
  const unzip = new Unzip((file) => {
    if (++entries > mostEntries || !readable.test(file.name)) return
    const chunks: Uint8Array[] = []
    parts.push(chunks)
    file.ondata = (error, chunk) => {
      if (error !== null) return
      inflated += chunk.length
      chunks.push(chunk)
    }
    file.start()
  })
  unzip.register(UnzipInflate)
  try {
    for (let at = 0; at < bytes.length && inflated <= maxBytes && entries <= mostEntries; at += step)
      unzip.push(bytes.subarray(at, at + step), at + step >= bytes.length)
  } catch {
    // What was read until then stays.
  }
  return parts.map((chunks) => xmlText(Buffer.concat(chunks).toString('utf8'))).join('\n')
}
