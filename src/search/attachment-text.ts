/** Which attachments have text in them that can be searched, and reading it. */
import { pdfText } from './pdf-text.ts'
import { rtfText } from './rtf-text.ts'

export type AttachmentKind = 'office' | 'pdf' | 'rtf'

/** Larger ones are not read. */
export const mostAttachmentBytes = 20 << 20
const mostInflated = 64 << 20
const mostCharacters = 2 << 20

const kindsByExtension: ReadonlyMap<string, AttachmentKind> = new Map([
  ...['docx', 'docm', 'dotx', 'xlsx', 'xlsm', 'pptx', 'pptm', 'ppsx', 'odt', 'ods', 'odp', 'ott'].map(
    (extension) => [extension, 'office'] as const,
  ),
  ['pdf', 'pdf'],
  ['rtf', 'rtf'],
])

/** By its media type, and where that says nothing, by its name; undefined for all others. */
export function attachmentKind(mediaType: string, name: string | undefined): AttachmentKind | undefined {
  if (mediaType === 'application/pdf') return 'pdf'
  if (mediaType === 'application/rtf' || mediaType === 'text/rtf') return 'rtf'
  if (/^application\/vnd\.(?:openxmlformats-officedocument|oasis\.opendocument)\./.test(mediaType))
    return 'office'
  if (mediaType !== 'application/octet-stream') return undefined
  const extension = /\.([a-z]{3,4})$/i.exec(name ?? '')?.[1]?.toLowerCase()
  return extension === undefined ? undefined : kindsByExtension.get(extension)
}

/**
 * Whether it may be one by its beginning: what is only called so need not go to the thread that reads them. In
 * front of a PDF some bytes of something else are allowed (ISO 32000-1 Annex H.3, note 13).
 */
export function beginsAs(kind: AttachmentKind, bytes: Uint8Array): boolean {
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 1024)).toString('latin1')
  switch (kind) {
    case 'office':
      return start.includes('PK\x03\x04')
    case 'rtf':
      return start.trimStart().startsWith('{\\rtf')
    case 'pdf':
      return start.includes('%PDF-')
  }
}

/** May throw, and take any time and memory: to be run where it can be ended (`attachment-thread.ts`). */
export async function attachmentText(kind: AttachmentKind, bytes: Uint8Array): Promise<string> {
  switch (kind) {
    case 'office': {
      const { officeText } = await import('./office-text.ts')
      return officeText(bytes, mostInflated).slice(0, mostCharacters)
    }
    case 'rtf':
      return rtfText(Buffer.from(bytes).toString('latin1')).slice(0, mostCharacters)
    case 'pdf':
      return pdfText(bytes, mostCharacters)
  }
}
