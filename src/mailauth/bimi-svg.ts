/**
 * Whether an indicator may be shown: the SVG Tiny Portable/Secure profile (draft-svg-tiny-ps-abrotman), which
 * is SVG Tiny 1.2 without scripts, links, animation, rasters and anything from elsewhere, and the size that
 * BIMI recommends. What must hold: only what the profile has passes, so that what passes needs no network to
 * be drawn and cannot run; where XML and HTML would read the bytes differently they are refused.
 *
 * Beyond the profile, nesting is bounded, and a `use` may not draw what itself uses something: otherwise some
 * lines multiply to billions of shapes in whatever shows them.
 */
import { gunzipSync } from 'node:zlib'
import { type SaxesAttributeNS, SaxesParser, type SaxesTagNS } from 'saxes'

/** Of what BIMI takes, uncompressed. */
export const largestIndicatorBytes = 32 * 1024
const deepestNesting = 64

const svgNamespace = 'http://www.w3.org/2000/svg'

/** What the schema of the profile has, with the two line elements of SVG Tiny 1.2 that it leaves to that. */
const elements: ReadonlySet<string> = new Set(
  (
    'svg title desc metadata defs g use path rect circle ellipse line polyline polygon ' +
    'linearGradient radialGradient stop solidColor ' +
    'text tspan tbreak textArea font font-face glyph missing-glyph hkern'
  ).split(' '),
)
/** Have text only: HTML would take elements in them for its own. */
const textElements: ReadonlySet<string> = new Set(['title', 'desc', 'metadata'])

/** CSS in an attribute that fetches, or that is written so that it could not be recognised. */
const fetchingValue = /\\|(?:src|element|image|image-set)\(|url\((?!\s*['"]?#)/i

/** Ends the parser at the first thing that is wrong: what would follow costs time for nothing. */
class Refused extends Error {}

function refuse(problem: string): never {
  throw new Refused(problem)
}

function checkAttribute({ local, uri, value }: SaxesAttributeNS): void {
  const name = local.toLowerCase()
  if (name.startsWith('on')) refuse('script')
  if (name === 'style') refuse('attribute style')
  if (name === 'href' && !value.startsWith('#')) refuse('external reference')
  if (name === 'base' && uri === 'http://www.w3.org/XML/1998/namespace') refuse('external reference')
  if (fetchingValue.test(value)) refuse('external reference')
}

function checkRoot(attributes: SaxesTagNS['attributes']): void {
  if (attributes['baseProfile']?.value !== 'tiny-ps') refuse('baseProfile is not tiny-ps')
  if (attributes['version']?.value !== '1.2') refuse('version is not 1.2')
  if (attributes['x'] !== undefined || attributes['y'] !== undefined) refuse('place on the root')
}

class Inspection {
  readonly #open: { readonly name: string; readonly id: string | undefined }[] = []
  #isTitled = false
  /** Ids of elements in which a `use` stands, and those that a `use` draws. */
  readonly #using = new Set<string>()
  readonly #used = new Set<string>()

  openTag({ local, uri, attributes }: SaxesTagNS): void {
    const parent = this.#open.at(-1)?.name
    if (uri !== svgNamespace || !elements.has(local) || (parent !== undefined && textElements.has(parent)))
      refuse(`element ${/^[\w-]{1,32}$/.test(local) ? local : 'unknown'}`)
    if (this.#open.length >= deepestNesting) refuse('nesting')
    if ((local === 'svg') !== (parent === undefined)) refuse('the root is not the one svg')
    if (parent === undefined) checkRoot(attributes)
    const all = Object.values(attributes)
    for (const attribute of all) checkAttribute(attribute)
    this.#open.push({ name: local, id: all.find((one) => one.local === 'id')?.value })
    if (local !== 'use') return
    for (const { id } of this.#open) if (id !== undefined) this.#using.add(id)
    const target = all.find((one) => one.local === 'href')?.value
    if (target !== undefined) this.#used.add(target.slice(1))
  }

  text(text: string): void {
    if (this.#open.length === 2 && this.#open[1]?.name === 'title' && text.trim() !== '')
      this.#isTitled = true
  }

  closeTag(): void {
    this.#open.pop()
  }

  end(): void {
    if (!this.#isTitled) refuse('no title')
    for (const id of this.#used) if (this.#using.has(id)) refuse('use of a use')
  }
}

function inspect(svg: Uint8Array): void {
  const inspection = new Inspection()
  const parser = new SaxesParser({ xmlns: true, position: false })
  parser.on('error', () => refuse('not well-formed'))
  parser.on('xmldecl', ({ encoding }) => {
    if (encoding !== undefined && encoding.toLowerCase() !== 'utf-8') refuse('not UTF-8')
  })
  parser.on('doctype', () => refuse('document type'))
  parser.on('processinginstruction', () => refuse('processing instruction'))
  parser.on('cdata', () => refuse('CDATA'))
  parser.on('comment', (comment) => {
    if (/[<>]/.test(comment)) refuse('markup in a comment')
  })
  parser.on('opentag', (tag) => inspection.openTag(tag))
  parser.on('text', (words) => inspection.text(words))
  parser.on('closetag', () => inspection.closeTag())
  parser.write(decode(svg)).close()
  inspection.end()
}

function decode(svg: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(svg)
  } catch {
    return refuse('not UTF-8')
  }
}

function uncompress(bytes: Uint8Array): Buffer {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return Buffer.from(bytes)
  try {
    return gunzipSync(bytes, { maxOutputLength: largestIndicatorBytes })
  } catch (error) {
    return refuse(error instanceof RangeError ? 'too large' : 'cannot be uncompressed')
  }
}

/** An indicator that may be shown, uncompressed; or what is wrong with it, in a few words of ASCII. */
type Indicator = { readonly svg: Buffer } | { readonly problem: string }

/** Reads SVG or SVGZ (RFC 6170 §5.2), as it was fetched or stands in a certificate. Never throws. */
export function readIndicator(bytes: Uint8Array): Indicator {
  try {
    if (bytes.length > largestIndicatorBytes) refuse('too large')
    const svg = uncompress(bytes)
    inspect(svg)
    return { svg }
  } catch (error) {
    if (error instanceof Refused) return { problem: `SVG: ${error.message}` }
    throw error
  }
}
