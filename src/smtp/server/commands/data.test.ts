import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Fault } from '#base/fault.ts'
import { parseStructure } from '#message/mime.ts'
import { TestServer } from '../fixture.test.ts'

const hello = 'EHLO client.example\r\n'
const envelope = 'MAIL FROM:<me@client.example>\r\nRCPT TO:<alice@example.org>\r\n'
const codes = (heard: string): string =>
  heard
    .split('\r\n')
    .filter((line) => /^\d{3} /.test(line))
    .map((line) => line.slice(0, 3))
    .join(' ')

test('however the bytes are split, the same is stored and the same is answered', async () => {
  const body = 'Subject: x\r\n\r\n..dots\r\n.\r\n'
  const input = `${hello}${envelope}DATA\r\n${body}${envelope}DATA\r\n.\r\n${envelope}BDAT 9\r\nA: b\r\n\r\nxBDAT 2 LAST\r\n\r\nQUIT\r\n`
  await using whole = await TestServer.start()
  const expected = await whole.talk('smtp', input)
  assert.equal(codes(expected), '220 250 250 250 354 250 250 250 354 250 250 250 250 250 221')
  assert.deepEqual(await whole.bodies('alice'), ['Subject: x\r\n\r\n.dots\r\n', '', 'A: b\r\n\r\nx\r\n'])
  const cuts = fc.uniqueArray(fc.nat(input.length), { maxLength: 20 }).map((all) => all.sort((a, b) => a - b))
  await fc.assert(
    fc.asyncProperty(cuts, async (places) => {
      await using s = await TestServer.start()
      assert.equal(await s.talk('smtp', input, places), expected)
      assert.deepEqual(await s.messages('alice'), await whole.messages('alice'))
    }),
    { numRuns: 60 },
  )
})

test('smuggling: what ends a message elsewhere does not end it here, and is refused', async () => {
  for (const end of ['\n.\n', '\r\n.\n', '\n.\r\n', '\r.\r', '\r\n.\r', '\r\n\x00.\r\n']) {
    await using s = await TestServer.start()
    const inner = `MAIL FROM:<evil@client.example>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\nfrom: evil\r\n`
    const heard = await s.talk('smtp', `${hello}${envelope}DATA\r\nA: b\r\n\r\nx${end}${inner}.\r\nQUIT\r\n`)
    const isBare = !end.includes('\0')
    assert.equal(codes(heard), `220 250 250 250 354 ${isBare ? '554' : '250'} 221`, JSON.stringify(end))
    assert.deepEqual(await s.bodies('bob'), [])
    assert.equal((await s.bodies('alice')).length, isBare ? 0 : 1)
  }
})

test('any bytes and long lines are stored as they come', async () => {
  await using s = await TestServer.start()
  const bytes = Buffer.alloc(256)
  for (let i = 0; i < 256; i++) bytes[i] = i
  const content = `A: b\r\n\r\n${bytes.toString('latin1').replace('\n', '').replace('\r', '')}${'y'.repeat(100_000)}\r\n`
  const heard = await s.talk('smtp', `${hello}${envelope}DATA\r\n${content}.\r\nQUIT\r\n`)
  assert.equal(codes(heard), '220 250 250 250 354 250 221')
  assert.deepEqual(await s.bodies('alice'), [content])
})

test('too large: read to the end, then refused', async () => {
  await using s = await TestServer.start({ limits: { maxMessageBytes: 1000 } })
  const content = `A: b\r\n\r\n${'x'.repeat(990)}\r\n`
  const heard = await s.talk(
    'smtp',
    `${hello}${envelope}DATA\r\n${content}.\r\n${envelope}DATA\r\n${content.slice(2)}.\r\nQUIT\r\n`,
  )
  assert.equal(content.length, 1000)
  assert.equal(codes(heard), '220 250 250 250 354 250 250 250 354 250 221')
  const larger = await s.talk('smtp', `${hello}${envelope}DATA\r\nx${content}.\r\nNOOP\r\nDATA\r\nQUIT\r\n`)
  assert.equal(codes(larger), '220 250 250 250 354 552 250 503 221')
  assert.ok(larger.includes('552 5.3.4'))
  assert.equal((await s.bodies('alice')).length, 2)
})

test('mail loops', async () => {
  await using s = await TestServer.start({ limits: { maxReceivedFields: 3 } })
  const received = 'Received: from a by b; Wed, 4 Mar 2026 05:06:07 +0000\r\n'
  const send = (n: number): Promise<string> =>
    s.talk('smtp', `${hello}${envelope}DATA\r\n${received.repeat(n)}\r\nx\r\n.\r\nQUIT\r\n`)
  assert.equal(codes(await send(3)), '220 250 250 250 354 250 221')
  const looping = await send(4)
  assert.ok(looping.includes('554 5.4.6'))
})

test('a disk that is full gets a temporary reply, and nothing is left', async () => {
  const failing = (when: 'write' | 'finish') => {
    let aborted = 0
    const deps = {
      blobs: {
        stager: () => ({
          write: () => (when === 'write' ? Promise.reject(new Error('ENOSPC')) : undefined),
          finish: () => {
            throw new Fault('unavailable', 'full', {})
          },
          abort: () => {
            aborted++
            return Promise.resolve()
          },
        }),
      },
    }
    return { deps, aborted: () => aborted }
  }
  for (const when of ['write', 'finish'] as const) {
    const fake = failing(when)
    await using s = await TestServer.start({ deps: fake.deps })
    const heard = await s.talk('smtp', `${hello}${envelope}DATA\r\nA: b\r\n\r\nx\r\n.\r\nNOOP\r\nQUIT\r\n`)
    assert.equal(codes(heard), '220 250 250 250 354 452 250 221')
    assert.ok(heard.includes('452 4.3.1'))
    assert.equal(fake.aborted(), 1)
    assert.equal(s.heard('smtp.error').length, 1)
  }
})

test('a client that leaves inside any command leaves nothing behind', async () => {
  const script = `${hello}${envelope}DATA\r\nA: b\r\n\r\nx\r\n.\r\n`
  for (let cut = 0; cut < script.length; cut++) {
    await using s = await TestServer.start()
    await s.talk('smtp', script.slice(0, cut))
    assert.deepEqual(await s.messages('alice'), [])
    assert.equal(s.heard('smtp.error').length, 0)
    assert.equal(s.heard('smtp.connection-end').length, 1)
  }
  await using s = await TestServer.start()
  await s.talk('smtp', script)
  assert.equal((await s.messages('alice')).length, 1)
})

test('a connection that is cut inside data stages nothing', async () => {
  let aborted = 0
  await using s = await TestServer.start({
    deps: {
      blobs: {
        stager: () => ({
          write: () => undefined,
          finish: () => assert.fail('not complete'),
          abort: () => {
            aborted++
            return Promise.resolve()
          },
        }),
      },
    },
  })
  const c = await s.greeted()
  c.sendRaw(`${envelope}DATA\r\n`)
  await c.expectLines(['250 ', '250 ', '354 '])
  c.sendRaw('A: b\r\n')
  s.cut()
  await s.done
  assert.equal(aborted, 1)
})

test('a message of 100 MiB passes in pieces that nobody keeps', async () => {
  let largest = 0
  let total = 0
  await using s = await TestServer.start({
    deps: {
      blobs: {
        stager: () => ({
          write(piece) {
            largest = Math.max(largest, piece.length)
            total += piece.length
            return total % 7 === 0 ? Promise.resolve() : undefined
          },
          finish: () => {
            throw new Fault('tooLarge', 'only counted', { limit: 0 })
          },
          abort: () => Promise.resolve(),
        }),
      },
    },
  })
  const c = await s.greeted()
  c.sendRaw(`${envelope}DATA\r\nA: b\r\n\r\n`)
  await c.expectLines(['250 ', '250 ', '354 '])
  const line = Buffer.from(`${'z'.repeat(70)}\r\n`)
  const block = Buffer.concat(Array<Buffer>(900).fill(line))
  const before = process.memoryUsage().arrayBuffers
  let most = 0
  const size = 100 * 1024 * 1024
  for (let sent = 0; sent + block.length < size - 1000; sent += block.length) {
    if (!c.stream.write(block)) await new Promise((resolve) => c.stream.once('drain', resolve))
    most = Math.max(most, process.memoryUsage().arrayBuffers - before)
  }
  c.sendRaw('.\r\n')
  await c.expect('552 ')
  assert.ok(total > size - block.length - 2000)
  assert.ok(largest <= block.length)
  assert.ok(most < 8 * 1024 * 1024, `${most} bytes were held`)
})

test('submitted messages get a date and a Message-ID where they lack them, and the structure knows', async () => {
  await using s = await TestServer.start()
  const c = await s.secured('submission')
  await c.ask(`AUTH PLAIN ${Buffer.from('\0alice@example.org\0secret').toString('base64')}`, '235 ')
  await c.ask('MAIL FROM:<alice@example.org>', '250 ')
  await c.ask('RCPT TO:<bob@example.org>', '250 ')
  await c.ask('DATA', '354 ')
  c.send('Subject: hi', '', 'x', '.')
  await c.expect('250 ')
  await c.ask('MAIL FROM:<alice@example.org>', '250 ')
  await c.ask('RCPT TO:<bob@example.org>', '250 ')
  await c.ask('DATA', '354 ')
  c.send('Date: Tue, 3 Mar 2026 00:00:00 +0000', 'Message-ID: <own@example.org>', '', 'x', '.')
  await c.expect('250 ')
  const [first, second] = await s.messages('bob')
  assert.match(first!, /with ESMTPSA/)
  const structure = parseStructure(Buffer.from(first!, 'latin1'))
  assert.deepEqual(structure.messageIds, ['s1.1@mx.example.org'])
  assert.equal(structure.sentAt, s.clock.now())
  assert.equal(second!.match(/^Message-ID:/gim)!.length, 1)
  assert.equal(second!.match(/^Date:/gim)!.length, 1)
})

test('a message without a header keeps its body apart from the trace fields', async () => {
  await using s = await TestServer.start()
  await s.talk('smtp', `${hello}${envelope}DATA\r\njust text\r\n.\r\nQUIT\r\n`)
  assert.match((await s.messages('alice'))[0]!, /\+0000\r\n\r\njust text\r\n$/)
})
