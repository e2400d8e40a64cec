/**
 * The text that a message's preview is made from, found while the parts go by: the first text/plain that
 * says anything, else the first text/html. Only a bounded beginning of one body is held at a time.
 */
import { Capture } from './capture.ts'
import type { OpenPart } from './open-part.ts'
import { parameter } from './parameters.ts'
import { HTML_PREFIX, PLAIN_PREFIX, previewOf } from './preview.ts'

export class FirstText {
  readonly capture = new Capture()
  #plain = ''
  #html = ''

  get preview(): string {
    return this.#plain === '' ? this.#html : this.#plain
  }

  /** True where the body of `part`, which is not inside another message, is worth keeping. */
  wants(part: OpenPart): boolean {
    if (this.#plain !== '') return false
    const { type, subtype } = part.contentType
    // What stands before the first delimiter of a multipart is shown if there is no delimiter.
    if (type === 'multipart') return this.#html === ''
    if (type !== 'text' || part.fields.disposition?.type === 'attachment') return false
    return subtype === 'plain' || (subtype === 'html' && this.#html === '')
  }

  /** As much of the body as is kept; of one whose header had no end, no more than of plain text. */
  capBytes(part: OpenPart, isRegular: boolean): number {
    return isRegular && part.contentType.subtype === 'html' ? HTML_PREFIX : PLAIN_PREFIX
  }

  /** The body of `part` ended at `bodyEnd`; `chunk` begins at offset `base`. */
  finish(part: OpenPart, bodyEnd: number, chunk: Buffer, base: number): void {
    if (!this.capture.isActive) return
    const bytes = this.capture.finish(bodyEnd, chunk, base)
    const { params, subtype } = part.contentType
    const encoding = part.isMultipart ? '7bit' : part.fields.encoding
    const preview = previewOf(bytes, encoding, parameter(params, 'charset')?.value, subtype === 'html')
    if (subtype === 'html') this.#html = preview
    else this.#plain = preview
  }
}
