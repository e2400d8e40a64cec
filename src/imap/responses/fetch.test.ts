/** What FETCH responses are made of (RFC 9051 §9, msg-att, envelope, body), for tests that look at all of it. */
import { type ResponseSyntax } from './syntax.test.ts'

const section = /^(?:(?:\d+\.)*\d+(?:\.(?:MIME|TEXT|HEADER))?|TEXT|HEADER)?$/
const fields = /^((?:[1-9]\d*\.)*)HEADER\.FIELDS(?:\.NOT)? $/

/** Behind `FETCH ` or `UIDFETCH `. */
export function readAttributes(s: ResponseSyntax): void {
  const seen = new Set<string>()
  const one = (): void => {
    const start = s.at
    readAttribute(s)
    const name = s.bytes.toString('latin1', start, s.at).split(' ')[0]!
    if (seen.has(name) && !name.startsWith('B')) s.fail('each item once')
    seen.add(name)
  }
  // RFC 9586 §3.3: a UIDFETCH need not have items.
  s.list(one, { mayBeEmpty: true })
}

function readAttribute(s: ResponseSyntax): void {
  if (s.take('FLAGS ')) s.list(() => s.flag(), { mayBeEmpty: true })
  else if (s.take('UID ')) s.nz()
  else if (s.take('RFC822.SIZE ')) s.number64()
  else if (s.take('INTERNALDATE ')) s.dateTime()
  else if (s.take('SAVEDATE ')) s.orNil(() => s.dateTime())
  else if (s.take('MODSEQ (')) s.inTurn(s.modseq(), s.need(')'))
  else if (s.take('EMAILID (')) s.inTurn(s.objectId(), s.need(')'))
  else if (s.take('THREADID ')) s.orNil(() => s.inTurn(s.need('('), s.objectId(), s.need(')')))
  else if (s.take('ENVELOPE ')) readEnvelope(s)
  else if (s.take('BODYSTRUCTURE ')) readBody(s, true)
  else if (s.take('PREVIEW ')) readPreview(s)
  else if (s.take('BINARY.SIZE')) s.inTurn(readSection(s, true), s.sp(), s.number64())
  else if (s.take('BINARY')) s.inTurn(readSection(s, true), s.sp(), s.nstring8())
  else if (s.take('BODY ')) readBody(s, false)
  else if (s.take('BODY')) s.inTurn(readSection(s, false), s.sp(), s.nstring())
  else if (s.take('RFC822.HEADER ') || s.take('RFC822.TEXT ') || s.take('RFC822 ')) s.nstring()
  else s.fail('an item of FETCH')
}

function readPreview(s: ResponseSyntax): void {
  const text = s.nstring()?.toString('utf8')
  if (text !== undefined && Array.from(text).length > 256) s.fail('a preview of at most 256 characters')
}

function readSection(s: ResponseSyntax, isBinary: boolean): void {
  s.need('[')
  const start = s.at
  while (s.bytes[s.at] !== undefined && /[A-Za-z0-9. ]/.test(String.fromCharCode(s.bytes[s.at]!))) s.at++
  const text = s.bytes.toString('latin1', start, s.at)
  if (isBinary ? !/^(?:\d+(?:\.\d+)*)?$/.test(text) : !section.test(text) && !fields.test(text))
    s.fail('a section')
  if (fields.test(text)) s.list(() => s.astring())
  s.need(']')
  if (s.take('<')) s.inTurn(s.number64(), s.need('>'))
}

/** `number`, `nstring`, in the order of RFC 9051 §9. */
export function readEnvelope(s: ResponseSyntax): void {
  s.need('(')
  ascii(s)
  s.sp()
  ascii(s)
  for (let i = 0; i < 6; i++) {
    s.sp()
    if (!s.nil()) s.list(() => readAddress(s), { tight: true })
  }
  s.sp()
  ascii(s)
  s.sp()
  ascii(s)
  s.need(')')
}

function readAddress(s: ResponseSyntax): void {
  s.need('(')
  for (let i = 0; i < 4; i++) {
    if (i > 0) s.sp()
    ascii(s)
  }
  s.need(')')
}

function ascii(s: ResponseSyntax): void {
  s.nstring()
}

export function readBody(s: ResponseSyntax, isExtended: boolean): void {
  s.need('(')
  if (s.peek('(')) {
    do readBody(s, isExtended)
    while (s.peek('('))
    s.sp()
    s.string()
    if (isExtended && s.take(' ')) {
      readParameters(s)
      if (s.take(' ')) readTail(s)
    }
  } else {
    const type = s.string().toString('latin1').toLowerCase()
    s.sp()
    const subtype = s.string().toString('latin1').toLowerCase()
    s.sp()
    readParameters(s)
    s.sp()
    s.nstring()
    s.sp()
    s.nstring()
    s.sp()
    s.string()
    s.sp()
    s.number()
    if (type === 'message' && (subtype === 'rfc822' || subtype === 'global')) {
      s.sp()
      readEnvelope(s)
      s.sp()
      readBody(s, isExtended)
      s.sp()
      s.number64()
    } else if (type === 'text') s.inTurn(s.sp(), s.number64())
    if (isExtended && s.take(' ')) {
      s.nstring()
      if (s.take(' ')) readTail(s)
    }
  }
  s.need(')')
}

/** Disposition, languages, location. */
function readTail(s: ResponseSyntax): void {
  if (!s.nil()) {
    s.need('(')
    s.string()
    s.sp()
    readParameters(s)
    s.need(')')
  }
  if (!s.take(' ')) return
  if (s.peek('(')) s.list(() => s.string())
  else s.nstring()
  if (s.take(' ')) s.nstring()
}

function readParameters(s: ResponseSyntax): void {
  if (s.nil()) return
  s.list(() => {
    s.string()
    s.sp()
    s.string()
  })
}
