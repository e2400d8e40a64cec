/**
 * Whether all that a server said to a client is made of responses as the grammars have them (RFC 9051 §9 and those of
 * the extensions), and whether they fit each other: numbers of messages that the client knows of, and nothing that it
 * has asked not to be told. Every connection of the tests of this folder is read by it.
 */
import { readAttributes, readBody } from './fetch.test.ts'
import { ResponseSyntax, Unfinished } from './syntax.test.ts'

/** Throws where the bytes are not responses, each whole but for the last, which may be cut off. */
export function assertResponses(bytes: Buffer): void {
  new Responses(bytes).read()
}

const plainCodes = new Set(
  (
    'ALERT PARSE READ-ONLY READ-WRITE TRYCREATE UIDNOTSTICKY UNAVAILABLE AUTHENTICATIONFAILED AUTHORIZATIONFAILED ' +
    'EXPIRED PRIVACYREQUIRED CONTACTADMIN NOPERM INUSE EXPUNGEISSUED CORRUPTION SERVERBUG CLIENTBUG CANNOT LIMIT ' +
    'OVERQUOTA ALREADYEXISTS NONEXISTENT NOTSAVED HASCHILDREN CLOSED UNKNOWN-CTE NOMODSEQ COMPRESSIONACTIVE TOOBIG ' +
    'USEATTR NOTIFICATIONOVERFLOW UIDREQUIRED TOOFEW TOOMANY'
  ).split(' '),
)
const numberCodes = new Set(['UIDNEXT', 'UIDVALIDITY', 'UNSEEN'])
const statusItems = 'MESSAGES RECENT UNSEEN DELETED SIZE DELETED-STORAGE APPENDLIMIT HIGHESTMODSEQ'.split(' ')
const special =
  '\\All \\Archive \\Drafts \\Flagged \\Junk \\Sent \\Trash \\Important \\Memos \\Scheduled \\Snoozed'.split(
    ' ',
  )

class Responses {
  readonly #s: ResponseSyntax
  /** Messages of the selected mailbox that the client knows of; undefined where it has none. */
  #count: number | undefined
  readonly #enabled = new Set<string>()
  /** What follows is not for us: TLS, or DEFLATE. */
  #isOver = false

  constructor(bytes: Buffer) {
    this.#s = new ResponseSyntax(bytes)
  }

  read(): void {
    const s = this.#s
    while (s.at < s.bytes.length && !this.#isOver) {
      try {
        this.#response()
      } catch (error) {
        if (error instanceof Unfinished) return
        throw error
      }
    }
  }

  #response(): void {
    const s = this.#s
    if (s.take('+ ')) {
      // Base64 may be empty.
      if (!s.peek('\r\n')) s.text()
      return s.crlf()
    }
    if (s.take('* ')) this.#untagged()
    else this.#tagged()
    s.crlf()
  }

  #tagged(): void {
    const s = this.#s
    s.run(/[!#$&',\-./0-9:;<=>?@A-Z[\]^_`a-z|}~]/, 'a tag')
    s.sp()
    const isOk = s.need('OK', 'NO', 'BAD') === 'OK'
    s.sp()
    this.#text()
    const text = s.bytes.toString('latin1', s.bytes.lastIndexOf('\r\n', s.at - 1), s.at)
    if (isOk && /(?:COMPRESS completed|Begin TLS now)$/.test(text)) this.#isOver = true
    if (isOk && /(?:CLOSE|UNSELECT) completed$/.test(text)) this.#count = undefined
    if (isOk && text.endsWith('Signed out')) {
      this.#count = undefined
      this.#enabled.clear()
      s.utf8 = false
    }
  }

  #text(): void {
    const s = this.#s
    if (s.take('[')) {
      this.#code()
      s.need('] ')
    }
    s.text()
  }

  #code(): void {
    const s = this.#s
    const name = s.run(/[A-Z0-9-]/, 'a response code')
    if (plainCodes.has(name)) return
    if (name === 'BADCHARSET') return void (s.take(' ') && s.list(() => s.astring()))
    s.sp()
    if (numberCodes.has(name)) s.nz()
    else if (name === 'HIGHESTMODSEQ') s.modseq()
    else if (name === 'CAPABILITY') this.#capabilities()
    else if (name === 'PERMANENTFLAGS') s.list(() => s.take('\\*') || s.flag(), { mayBeEmpty: true })
    else if (name === 'APPENDUID') s.inTurn(s.nz(), s.sp(), s.set({ inOrder: true }))
    else if (name === 'COPYUID') {
      s.nz()
      s.sp()
      const from = s.set()
      s.sp()
      if (s.set({ inOrder: true }) !== from) s.fail('as many UIDs in both sets')
    } else if (name === 'MODIFIED') s.set()
    else if (name === 'MAILBOXID') s.inTurn(s.need('('), s.objectId(), s.need(')'))
    else if (name === 'BADEVENT') s.list(() => s.atom())
    else if (name === 'BADURL') s.run(/[^\]\r\n]/, 'a URL')
    else if (name === 'UNDEFINED-FILTER') s.atom()
    else if (name === 'NOUPDATE') s.quoted()
    else if (name === 'URLMECH') s.need('INTERNAL')
    else if (name === 'MESSAGELIMIT') s.inTurn(s.nz(), s.take(' ') && s.nz())
    else if (name === 'METADATA') {
      if (s.take('LONGENTRIES ') || s.take('MAXSIZE ')) s.number()
      else s.need('TOOMANY', 'NOPRIVATE')
    } else if (name === 'INPROGRESS') {
      s.need('(')
      s.orNil(() => s.quoted())
      s.sp()
      s.orNil(() => s.number())
      s.sp()
      s.orNil(() => s.nz())
      s.need(')')
    } else s.fail(`a response code that is known, not ${name}`)
  }

  #capabilities(): void {
    const s = this.#s
    const words = [s.atom()]
    while (s.take(' ')) words.push(s.atom())
    if (!words.includes('IMAP4rev2') || new Set(words).size !== words.length)
      s.fail('capabilities, each once')
  }

  #untagged(): void {
    const s = this.#s
    if (/[0-9]/.test(String.fromCharCode(s.bytes[s.at] ?? 0x30))) return this.#numbered()
    const word = s.run(/[A-Z]/, 'the name of a response')
    switch (word) {
      case 'OK':
      case 'NO':
      case 'BAD':
      case 'BYE':
        s.sp()
        if (s.peek('[CLOSED]')) this.#count = undefined
        return this.#text()
      case 'CAPABILITY':
        s.sp()
        return this.#capabilities()
      case 'ENABLED':
        while (s.take(' ')) this.#enabled.add(s.atom().toUpperCase())
        s.utf8 = this.#enabled.has('IMAP4REV2') || this.#enabled.has('UTF8=ACCEPT')
        return undefined
      case 'FLAGS':
        s.sp()
        return s.flagList()
      case 'LIST':
      case 'LSUB':
        return this.#listed(word)
      case 'STATUS':
        return this.#status()
      case 'SEARCH':
        return this.#search()
      case 'SORT':
        while (s.take(' '))
          if (s.take('(MODSEQ ')) s.inTurn(s.modseq(), s.need(')'))
          else s.nz()
        return undefined
      case 'THREAD':
        if (s.take(' '))
          do this.#thread()
          while (s.peek('('))
        return undefined
      case 'ESEARCH':
        return this.#esearch()
      case 'VANISHED':
        if (!this.#enabled.has('QRESYNC') && !this.#enabled.has('UIDONLY')) s.fail('no VANISHED')
        s.sp()
        if (s.take('(EARLIER) ')) s.set()
        else {
          this.#count = (this.#count ?? 0) - s.set()
          if (this.#count < 0) s.fail('no more than there were')
        }
        return undefined
      default:
        return this.#other(word)
    }
  }

  #other(word: string): void {
    const s = this.#s
    s.sp()
    switch (word) {
      case 'NAMESPACE':
        for (let i = 0; i < 3; i++) {
          if (i > 0) s.sp()
          if (s.nil()) continue
          s.list(() => s.inTurn(s.need('('), s.string(), s.sp(), s.quoted(), s.need(')')), { tight: true })
        }
        return undefined
      case 'ID':
        if (s.nil()) return undefined
        return s.list(() => s.inTurn(s.string(), s.sp(), s.nstring()))
      case 'ACL':
        s.mailbox()
        while (s.take(' ')) s.inTurn(s.astring(), s.sp(), this.#rights(true))
        return undefined
      case 'LISTRIGHTS':
        s.mailbox()
        s.sp()
        s.astring()
        while (s.take(' ')) this.#rights(true)
        return undefined
      case 'MYRIGHTS':
        s.mailbox()
        s.sp()
        return this.#rights(true)
      case 'QUOTAROOT':
        s.mailbox()
        while (s.take(' ')) s.astring()
        return undefined
      case 'QUOTA':
        s.astring()
        s.sp()
        return s.list(
          () => (s.need('STORAGE', 'MESSAGE', 'MAILBOX'), s.sp(), s.number64(), s.sp(), s.number64()),
          { mayBeEmpty: true },
        )
      case 'METADATA':
        s.mailbox()
        s.sp()
        if (s.peek('(')) return s.list(() => s.inTurn(this.#entry(), s.sp(), s.nstring8()))
        this.#entry()
        while (s.take(' ')) this.#entry()
        return undefined
      case 'GENURLAUTH':
        do s.astring()
        while (s.take(' '))
        return undefined
      case 'URLFETCH':
        return this.#urls()
      case 'JMAPACCESS':
        return void s.quoted()
      case 'UIDBATCHES':
        s.need('(TAG ')
        s.quoted()
        s.need(')')
        if (s.take(' '))
          do {
            const high = s.nz()
            s.need(':')
            if (s.nz() > high) s.fail('a range from the highest')
          } while (s.take(','))
        return undefined
      default:
        return s.fail(`a response that is known, not ${word}`)
    }
  }

  #numbered(): void {
    const s = this.#s
    const number = s.number()
    s.sp()
    if (s.take('EXISTS')) {
      if (this.#count !== undefined && number < this.#count) s.fail(`no fewer messages than ${this.#count}`)
      this.#count = number
    } else if (s.take('RECENT')) {
      if (this.#enabled.has('IMAP4REV2')) s.fail('no RECENT after ENABLE IMAP4rev2')
    } else if (s.take('EXPUNGE')) {
      this.#assertNumber(number)
      this.#count!--
      if (this.#enabled.has('QRESYNC')) s.fail('no EXPUNGE after ENABLE QRESYNC')
    } else if (s.take('FETCH ')) {
      this.#assertNumber(number)
      readAttributes(s)
    } else {
      s.need('UIDFETCH ')
      if (!this.#enabled.has('UIDONLY') || number === 0) s.fail('no UIDFETCH')
      readAttributes(s)
    }
  }

  #assertNumber(number: number): void {
    if (this.#enabled.has('UIDONLY')) this.#s.fail('no message number after ENABLE UIDONLY')
    if (number === 0 || this.#count === undefined || number > this.#count)
      this.#s.fail(`a message number up to ${this.#count}`)
  }

  #listed(word: 'LIST' | 'LSUB'): void {
    const s = this.#s
    const attributes: string[] = []
    s.sp()
    s.list(() => s.inTurn(s.need('\\'), attributes.push(`\\${s.atom()}`)), { mayBeEmpty: true })
    const own = ['\\NonExistent', '\\Noselect', '\\Marked', '\\Unmarked']
    const children = ['\\HasChildren', '\\HasNoChildren']
    // \NoAccess: RFC 5465 §5.9.
    const known = [...own, ...children, ...special, '\\Subscribed', '\\NoAccess']
    if (attributes.some((one) => !known.includes(one)) || new Set(attributes).size !== attributes.length)
      s.fail('attributes that are known, each once')
    for (const group of [own, children])
      if (attributes.filter((one) => group.includes(one)).length > 1) s.fail('only one of these attributes')
    s.sp()
    s.orNil(() => s.quoted())
    s.sp()
    s.mailbox()
    if (word === 'LIST' && s.take(' '))
      s.list(() => {
        const tag = s.astring().toString().toUpperCase()
        s.sp()
        if (tag === 'OLDNAME') s.inTurn(s.need('('), s.mailbox(), s.need(')'))
        else if (tag === 'CHILDINFO') s.list(() => s.need('"SUBSCRIBED"'))
        else s.fail('an item of LIST that is known')
      })
  }

  #status(): void {
    const s = this.#s
    s.sp()
    s.mailbox()
    s.sp()
    s.list(
      () => {
        if (s.take('UIDNEXT ') || s.take('UIDVALIDITY ')) s.nz()
        else if (s.take('MAILBOXID (')) s.inTurn(s.objectId(), s.need(')'))
        else if (s.take('APPENDLIMIT ')) s.orNil(() => s.number())
        else if (s.take('SIZE ') || s.take('DELETED-STORAGE ') || s.take('HIGHESTMODSEQ ')) s.number64()
        else s.inTurn(s.need(...statusItems.map((item) => `${item} `)), s.number())
      },
      { mayBeEmpty: true },
    )
  }

  #search(): void {
    const s = this.#s
    if (this.#enabled.has('IMAP4REV2')) s.fail('no SEARCH after ENABLE IMAP4rev2')
    while (s.take(' '))
      if (s.take('(MODSEQ ')) s.inTurn(s.modseq(), s.need(')'))
      else s.nz()
  }

  #esearch(): void {
    const s = this.#s
    if (s.take(' ('))
      for (const seen = new Set<string>(); ; s.sp()) {
        const name = s.need('TAG ', 'MAILBOX ', 'UIDVALIDITY ')
        if (name === 'TAG ') s.quoted()
        else if (name === 'MAILBOX ') s.mailbox()
        else s.nz()
        if (seen.has(name)) s.fail('each of these once')
        seen.add(name)
        if (s.take(')')) break
      }
    const isUid = s.takeWord(' UID')
    if (this.#enabled.has('UIDONLY') && !isUid) s.fail('UIDs after ENABLE UIDONLY')
    while (s.take(' ')) {
      const name = s.need(
        'MIN ',
        'MAX ',
        'ALL ',
        'COUNT ',
        'MODSEQ ',
        'PARTIAL ',
        'RELEVANCY ',
        'ADDTO ',
        'REMOVEFROM ',
      )
      if (name === 'MIN ' || name === 'MAX ') s.nz()
      else if (name === 'ALL ') s.set()
      else if (name === 'COUNT ') s.number()
      else if (name === 'MODSEQ ') s.modseq()
      else if (name === 'RELEVANCY ')
        s.list(() => s.nz() > 100 && s.fail('a score up to 100'), { mayBeEmpty: true })
      else if (name === 'PARTIAL ') {
        s.need('(')
        const isFromEnd = s.take('-')
        s.nz()
        s.need(isFromEnd ? ':-' : ':')
        s.nz()
        s.sp()
        s.orNil(() => s.set())
        s.need(')')
      } else s.list(() => s.inTurn(s.number(), s.sp(), s.set()))
    }
  }

  /** RFC 5256 §5, thread-list. */
  #thread(): void {
    const s = this.#s
    let depth = 0
    let last = ''
    do {
      const c = s.need('(', ')', ' ', ...'123456789')
      if (c === ' ' && last !== 'number') s.fail('a message before the space')
      if (c === ')' && (last === '(' || last === ' ')) s.fail('something in the thread')
      if (c === '(' && last === 'number') s.fail('a space before a thread that branches')
      if (c === '(') depth++
      else if (c === ')') depth--
      else if (c !== ' ') s.inTurn(s.at--, s.nz())
      last = /\d/.test(c) ? 'number' : c
    } while (depth > 0)
  }

  #rights(mayBeNone: boolean): void {
    const s = this.#s
    const rights = s.astring().toString().replace(/^-/, '')
    if (!/^[lrswipkxteacd]*$/.test(rights) || (rights === '' && !mayBeNone)) s.fail('rights')
  }

  #entry(): void {
    const s = this.#s
    if (!/^\/(?:private|shared)(?:\/[^/*%]+)*$/i.test(s.astring().toString()))
      s.fail('the name of an annotation')
  }

  #urlItems(): void {
    const s = this.#s
    do {
      s.need('(')
      if (s.take('BODYPARTSTRUCTURE ')) readBody(s, true)
      else s.inTurn(s.need('BODY ', 'BINARY '), s.nstring8())
      s.need(')')
    } while (s.peek(' (') && s.take(' '))
  }

  /** RFC 4467 §9, RFC 5524 §4. */
  #urls(): void {
    const s = this.#s
    do {
      s.astring()
      s.sp()
      if (s.nil()) continue
      if (!s.peek('(')) s.string()
      else this.#urlItems()
    } while (s.take(' '))
  }
}
