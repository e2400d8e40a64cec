/**
 * The indicator in a mark certificate: the logotype extension (RFC 3709 §4.1) with the SVG inside as a `data:`
 * address (RFC 6170). What must hold: it is taken only where the extension has exactly one image. The hash
 * beside it is that of the SVG before it was compressed, as the authorities have it.
 */
import { createHash } from 'node:crypto'
import { type BaseBlock, IA5String } from 'asn1js'
import { equalBytes } from '#base/bytes.ts'
import { members, objectIdentifier, octets, readDer, tagged } from './certificate-extensions.ts'

export const logotypeExtension = '1.3.6.1.5.5.7.1.12'

const hashes: { readonly [identifier: string]: string } = {
  '1.3.14.3.2.26': 'sha1',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
}

const text = (block: BaseBlock | undefined): string =>
  block instanceof IA5String ? block.valueBlock.value : ''

/** RFC 2397, of SVG in base64 only. */
function dataOf(address: string): Buffer | undefined {
  const comma = address.indexOf(',')
  const [type, ...parameters] = address.slice(0, comma).toLowerCase().split(';')
  const isSvg = type === 'data:image/svg+xml' || type === 'data:image/svg+xml+zip'
  return comma > 0 && isSvg && parameters.at(-1) === 'base64'
    ? Buffer.from(address.slice(comma + 1), 'base64')
    : undefined
}

interface Logotype {
  /** SVG or SVGZ. */
  readonly data: Buffer
  /** Of the uncompressed SVG; none of a kind we do not know. */
  readonly hashes: readonly { readonly name: string; readonly value: Buffer }[]
}

function readHash(block: BaseBlock): Logotype['hashes'] {
  const [algorithm, digest] = members(block)
  const name = hashes[objectIdentifier(members(algorithm)[0]) ?? '']
  const value = octets(digest)
  return name === undefined || value === undefined ? [] : [{ name, value }]
}

/** The subject's logo, given the extension's value; undefined where it is not one image that is inside. */
export function readLogotype(extension: Uint8Array): Logotype | undefined {
  // subjectLogo [2] EXPLICIT, in it direct [0] with the images, each with its details in front.
  const [logo] = members(tagged(readDer(extension), 2))
  const isDirect = logo?.idBlock.tagClass === 3 && logo.idBlock.tagNumber === 0
  const images = isDirect ? members(members(logo)[0]) : []
  const [, listed, addresses] = images.length === 1 ? members(members(images[0])[0]) : []
  const data = dataOf(text(members(addresses)[0]))
  return data === undefined ? undefined : { data, hashes: members(listed).flatMap(readHash) }
}

/** True where a hash is there and all are right. */
export const hasRightHashes = ({ hashes: all }: Logotype, svg: Uint8Array): boolean =>
  all.length > 0 && all.every(({ name, value }) => equalBytes(createHash(name).update(svg).digest(), value))
