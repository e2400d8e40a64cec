/**
 * A part whose end has not been seen yet, on the parser's stack, and how it becomes a `Part`.
 */
import { parameter, type ContentType } from './parameters.ts'
import { isIdentityEncoding } from './body.ts'
import { innerMessage, opaque, plainText, withImpliedCharset, type PartFields } from './part-header.ts'
import { isMessage, type Envelope, type Part } from './structure.ts'

/** RFC 2046 §5.1.1 allows 70 characters; some programs write more. */
const MAX_BOUNDARY = 200

const noFields: PartFields = {
  contentType: undefined,
  encoding: '7bit',
  id: undefined,
  description: undefined,
  md5: undefined,
  disposition: undefined,
  language: [],
  location: undefined,
}

export class OpenPart {
  readonly headerStart: number
  /** The header is that of a message: the root, or what a message/rfc822 holds. */
  readonly ofMessage: boolean
  /** In a multipart/digest, a part without Content-Type is a message (RFC 2046 §5.1.5). */
  readonly inDigest: boolean
  bodyStart: number
  /** Line ends in the message before the body. */
  linesBefore = 0
  contentType: ContentType = opaque
  fields: PartFields = noFields
  /** "--" and the boundary, while a multipart's delimiters are looked for. */
  delimiter: Buffer | undefined
  /** The body is a message that is looked into. */
  holdsMessage = false
  envelope: Envelope | undefined
  readonly children: Part[] = []

  constructor(headerStart: number, ofMessage: boolean, inDigest: boolean) {
    this.headerStart = headerStart
    this.bodyStart = headerStart
    this.ofMessage = ofMessage
    this.inDigest = inDigest
  }

  get isMultipart(): boolean {
    return this.contentType.type === 'multipart'
  }

  /** Text and messages are described with their number of lines (RFC 9051 §7.5.2). */
  get showsLines(): boolean {
    return this.contentType.type === 'text' || isMessage(this.contentType)
  }

  /** Settles what the part is. At the depth limit nothing is composite any more. */
  describe(fields: PartFields, hasType: boolean, mayNest: boolean): void {
    this.fields = fields
    // RFC 2045 §5.2: a Content-Type that cannot be read counts as text/plain.
    let type = fields.contentType ?? (this.inDigest && !hasType ? innerMessage : plainText)
    if (type.type === 'multipart') {
      const delimiter = mayNest ? delimiterOf(type) : undefined
      if (delimiter === undefined) type = mayNest ? plainText : opaque
      this.delimiter = delimiter
    } else if (isMessage(type)) {
      // RFC 2046 §5.2.1: an encoded message cannot be looked into; it stays one leaf.
      this.holdsMessage = mayNest && isIdentityEncoding(fields.encoding)
    }
    this.contentType = withImpliedCharset(type)
  }

  /** `lines` counts the line ends in the body. */
  close(bodyEnd: number, lines: number): Part {
    const { contentType, fields, isMultipart } = this
    if (isMultipart && this.children.length === 0) {
      this.children.push(this.#onlyText(bodyEnd, lines))
    }
    return {
      headerStart: this.headerStart,
      bodyStart: this.bodyStart,
      bodyEnd,
      lines: this.showsLines ? lines : 0,
      type: contentType.type,
      subtype: contentType.subtype,
      params: contentType.params,
      id: isMultipart ? undefined : fields.id,
      description: isMultipart ? undefined : fields.description,
      encoding: isMultipart ? '7bit' : fields.encoding,
      md5: isMultipart ? undefined : fields.md5,
      disposition: fields.disposition,
      language: fields.language,
      location: fields.location,
      children: this.children,
      envelope: this.envelope,
    }
  }

  /** A multipart without a single delimiter holds its whole body as text, so that it can be read. */
  #onlyText(bodyEnd: number, lines: number): Part {
    const text = new OpenPart(this.bodyStart, false, false)
    text.contentType = plainText
    return text.close(bodyEnd, lines)
  }
}

function delimiterOf(type: ContentType): Buffer | undefined {
  // RFC 2046 §5.1.1: white space at the end is not part of a boundary.
  const boundary = parameter(type.params, 'boundary')?.value.trimEnd()
  if (boundary === undefined || boundary === '' || boundary.length > MAX_BOUNDARY) return undefined
  return Buffer.from(`--${boundary}`, 'latin1')
}
