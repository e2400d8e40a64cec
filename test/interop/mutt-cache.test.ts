/**
 * mutt and neomutt with a cache of headers: what they show after they were away must be what is there, whichever
 * extension tells them what changed. mutt compresses what it says.
 */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { startServer, type TestServer } from '../harness/server.ts'
import { signIn } from './imapflow.ts'
import { type Mutt, setUpMutt } from './mutt.ts'
import { needs } from './program.ts'
import { alice } from './read-by-curl.ts'
import { sample } from './samples.ts'

const total = 60

for (const program of ['mutt', 'neomutt'] as const) {
  describe(`${program} with a cache of headers`, needs(program, 'script'), () => {
    const isMutt = program === 'mutt'
    let server: TestServer

    before(async () => {
      server = await startServer()
      await server.createAccount(alice.name, alice.password)
    })
    after(() => server[Symbol.asyncDispose]())

    for (const [extension, asks] of [
      ['qresync', /UID FETCH \S+ \(FLAGS\) \(CHANGEDSINCE \d+ VANISHED\)/],
      ['condstore', / FETCH \S+ .*\(CHANGEDSINCE \d+\)/],
    ] as const) {
      test(`comes back by ${extension}`, async () => {
        const folder = path.join(server.directory, extension)
        mkdirSync(folder)
        const mutt = await setUpMutt(server, program, {
          folder,
          settings: [
            `set header_cache="${folder}/cache"`,
            'set imap_qresync=no imap_condstore=no',
            `set imap_${extension}=yes sort=mailbox-order`,
            ...(isMutt ? ['set imap_deflate=yes'] : []),
          ],
        })
        await using other = await signIn(server, alice)
        await other.mailboxCreate(extension)
        for (let number = 1; number <= total; number++) await other.append(extension, sample({ number }))
        const first = await seenBy(mutt, extension, path.join(folder, 'first'))
        assert.deepEqual(
          first.map(({ number }) => number),
          range(1, total),
        )

        await other.mailboxOpen(extension)
        await other.messageFlagsAdd('5:9,60', ['\\Flagged'], { uid: true })
        await other.messageFlagsAdd('7,20', ['\\Answered'], { uid: true })
        await other.messageDelete('1,30:39,50,59', { uid: true })
        for (let number = total + 1; number <= total + 5; number++)
          await other.append(extension, sample({ number }))
        await other.messageFlagsRemove('60', ['\\Flagged'], { uid: true })
        await other.messageFlagsAdd('62', ['\\Flagged'], { uid: true })

        const gone = [1, ...range(30, 39), 50, 59]
        const flagged = [5, 6, 7, 8, 9, 62]
        const second = await seenBy(mutt, extension, path.join(folder, 'second'))
        assert.deepEqual(
          second,
          range(1, total + 5)
            .filter((number) => !gone.includes(number))
            .map((number) => ({
              number,
              isFlagged: flagged.includes(number),
              isAnswered: [7, 20].includes(number),
            })),
        )
        const log = readFileSync(mutt.log, 'latin1')
        for (const said of isMutt ? [asks, / COMPRESS DEFLATE/] : [asks])
          assert.ok(said.test(log), `did not say ${said}`)
      })
    }
  })
}

interface Shown {
  readonly number: number
  readonly isFlagged: boolean
  readonly isAnswered: boolean
}

/** All that it shows, which it says by copying it into a file. */
async function seenBy(mutt: Mutt, mailbox: string, file: string): Promise<readonly Shown[]> {
  await mutt.type(mailbox, `<tag-pattern>~A<enter><tag-prefix><copy-message>${file}<enter><quit>`)
  return messagesOf(file)
}

/** Of a file in the form mbox, where Status and X-Status hold the flags. */
function messagesOf(file: string): readonly Shown[] {
  const [, ...messages] = readFileSync(file, 'latin1').split(/^From .*\d{4}$/m)
  return messages.map((text) => ({
    number: Number(/^Message-ID: <sample-(\d+)@/m.exec(text)![1]),
    isFlagged: /^X-Status: .*F/m.test(text),
    isAnswered: /^X-Status: .*A/m.test(text),
  }))
}

const range = (from: number, to: number): readonly number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i)
