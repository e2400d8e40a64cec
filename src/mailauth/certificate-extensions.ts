/**
 * Extensions of an X.509 certificate (RFC 5280 §4.2) as bytes, which Node shows few of, and blocks of DER.
 * What must hold: anything but well-formed DER is undefined, never an exception; nesting, count and size are
 * bounded by the reader of `asn1js`.
 */
import {
  type BaseBlock,
  Boolean as Asn1Boolean,
  Constructed,
  fromBER,
  ObjectIdentifier,
  OctetString,
} from 'asn1js'
import { asBuffer } from '#base/bytes.ts'

/** The one value that these bytes are; undefined where they are none, or more. */
export function readDer(bytes: Uint8Array): BaseBlock | undefined {
  try {
    const { result, offset } = fromBER(bytes, { parseEmbedded: false })
    return offset === bytes.length && result.error === '' ? result : undefined
  } catch {
    // Some faults are reported, others thrown, such as a time that is none.
    return undefined
  }
}

/** What stands in a constructed value, in order; nothing in any other. */
export const members = (block: BaseBlock | undefined): readonly BaseBlock[] =>
  block instanceof Constructed ? block.valueBlock.value : []

/** The member with a context-specific tag. */
export const tagged = (block: BaseBlock | undefined, tag: number): BaseBlock | undefined =>
  members(block).find(({ idBlock }) => idBlock.tagClass === 3 && idBlock.tagNumber === tag)

export const octets = (block: BaseBlock | undefined): Buffer | undefined =>
  block instanceof OctetString ? asBuffer(block.valueBlock.valueHexView) : undefined

export const objectIdentifier = (block: BaseBlock | undefined): string | undefined =>
  block instanceof ObjectIdentifier ? block.valueBlock.toString() : undefined

export interface Extension {
  readonly isCritical: boolean
  readonly value: Uint8Array
}

/** By object identifier; undefined where the certificate, in DER, cannot be read. */
export function readExtensions(certificate: Uint8Array): ReadonlyMap<string, Extension> | undefined {
  const [body] = members(readDer(certificate))
  const found = new Map<string, Extension>()
  for (const extension of members(members(tagged(body, 3))[0])) {
    const [id, ...rest] = members(extension)
    const name = objectIdentifier(id)
    const value = octets(rest.at(-1))
    // RFC 5280 §4.2: no extension twice.
    if (name === undefined || value === undefined || found.has(name)) return undefined
    const [critical] = rest
    found.set(name, { isCritical: critical instanceof Asn1Boolean && critical.valueBlock.value, value })
  }
  return body === undefined ? undefined : found
}
