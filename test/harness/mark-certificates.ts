/**
 * Certificates for tests, of any shape: authorities, and mark certificates with an indicator inside (BIMI). Each
 * is made when asked for, with a key of its own.
 *
 *   const root = makeCertificate({ isAuthority: true })
 *   const mark = makeCertificate({ issuer: root, purposes: [markPurpose], names: ['example.org'], svg })
 */
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import {
  type BaseBlock,
  BitString,
  Boolean as Asn1Boolean,
  Constructed,
  fromBER,
  IA5String,
  Integer,
  Null,
  ObjectIdentifier,
  OctetString,
  Primitive,
  Sequence,
  Set as Asn1Set,
  UTCTime,
  Utf8String,
} from 'asn1js'

export const markPurpose = '1.3.6.1.5.5.7.3.31'

export interface MadeCertificate {
  readonly pem: string
  readonly name: string
  readonly key: KeyObject
}

export interface CertificateShape {
  readonly name?: string
  /** Signed by itself where absent. */
  readonly issuer?: MadeCertificate
  /** Signs instead of the issuer's key. */
  readonly signingKey?: KeyObject
  readonly from?: Date
  readonly to?: Date
  readonly isAuthority?: boolean
  readonly pathLength?: number
  readonly purposes?: readonly string[]
  readonly names?: readonly string[]
  /** Of the logotype extension, put there compressed. */
  readonly svg?: Uint8Array
  readonly logotype?: LogotypeShape
  /** Further ones: critical, empty. */
  readonly critical?: readonly string[]
}

const sequence = (...value: BaseBlock[]) => new Sequence({ value })
const identifier = (value: string) => new ObjectIdentifier({ value })
const tag = (tagNumber: number, ...value: BaseBlock[]) =>
  new Constructed({ idBlock: { tagClass: 3, tagNumber }, value })
const nameOf = (text: string) =>
  sequence(new Asn1Set({ value: [sequence(identifier('2.5.4.3'), new Utf8String({ value: text }))] }))

const extension = (id: string, isCritical: boolean, value: BaseBlock) =>
  sequence(
    identifier(id),
    ...(isCritical ? [new Asn1Boolean({ value: true })] : []),
    new OctetString({ valueHex: value.toBER() }),
  )

export interface LogotypeShape {
  /** What the hash is made from, and how it is called. */
  readonly hashed?: Uint8Array
  readonly algorithm?: string
  /** With the type of the data. */
  readonly start?: string
  readonly images?: number
}

/** The logotype extension (RFC 3709 §4.1) with one image. */
export function logotype(svg: Uint8Array, o: LogotypeShape = {}): BaseBlock {
  const { hashed = svg, algorithm = '2.16.840.1.101.3.4.2.1', images = 1 } = o
  const digest = createHash('sha256').update(hashed).digest()
  const hash = sequence(sequence(identifier(algorithm), new Null()), new OctetString({ valueHex: digest }))
  const { start = 'data:image/svg+xml;base64,' } = o
  const address = new IA5String({ value: start + gzipSync(svg).toString('base64') })
  const details = sequence(new IA5String({ value: 'image/svg+xml' }), sequence(hash), sequence(address))
  const all = Array.from({ length: images }, () => sequence(details))
  return sequence(tag(2, tag(0, sequence(...all))))
}

function extensionsOf(shape: CertificateShape): BaseBlock[] {
  const { isAuthority = false, pathLength, purposes, names, svg, critical = [] } = shape
  const constraints = isAuthority
    ? [
        new Asn1Boolean({ value: true }),
        ...(pathLength === undefined ? [] : [new Integer({ value: pathLength })]),
      ]
    : []
  const alternative = (names ?? []).map(
    (name) =>
      new Primitive({ idBlock: { tagClass: 3, tagNumber: 2 }, valueHex: Buffer.from(name, 'latin1') }),
  )
  return [
    extension('2.5.29.19', true, sequence(...constraints)),
    ...(purposes === undefined
      ? []
      : [extension('2.5.29.37', false, sequence(...purposes.map((one) => identifier(one))))]),
    ...(names === undefined ? [] : [extension('2.5.29.17', false, sequence(...alternative))]),
    ...(svg === undefined ? [] : [extension('1.3.6.1.5.5.7.1.12', false, logotype(svg, shape.logotype))]),
    ...critical.map((id) => extension(id, true, new Null())),
  ]
}

export function makeCertificate(shape: CertificateShape): MadeCertificate {
  const { name = 'Test', issuer, from = new Date('2020-01-01'), to = new Date('2040-01-01') } = shape
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const signature = sequence(identifier('1.2.840.10045.4.3.2'))
  const body = sequence(
    tag(0, new Integer({ value: 2 })),
    new Integer({ value: 1 }),
    signature,
    nameOf(issuer?.name ?? name),
    sequence(new UTCTime({ valueDate: from }), new UTCTime({ valueDate: to })),
    nameOf(name),
    fromBER(publicKey.export({ type: 'spki', format: 'der' })).result,
    tag(3, sequence(...extensionsOf(shape))),
  )
  const signed = sign('sha256', Buffer.from(body.toBER()), shape.signingKey ?? issuer?.key ?? privateKey)
  const whole = sequence(body, signature, new BitString({ valueHex: signed }))
  const text = Buffer.from(whole.toBER()).toString('base64')
  const pem = `-----BEGIN CERTIFICATE-----\n${text.replace(/.{1,64}/g, '$&\n')}-----END CERTIFICATE-----\n`
  return { pem, name, key: privateKey }
}
