/**
 * What a message costs when it comes in and when it is listed: CPU time of parsing and encoding its
 * structure, and of taking the stored wire forms. Run it with `node test/bench/message.bench.ts`.
 */
import { bench, run, summary } from 'mitata'
import { parseStructure, StructureParser } from '#message/mime.ts'
import { encodeStructure, StoredStructure } from '#message/structure-codec.ts'

const header = [
  'Return-Path: <bounce-1234@lists.example.org>',
  'Received: from mx.example.org (mx.example.org [192.0.2.1])',
  '\tby mail.example.net with ESMTPS id 4XyZ12 for <bob@example.net>;',
  '\tMon, 3 Nov 2025 10:11:12 +0000',
  'DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=s1;',
  `\tb=${'A1b2C3d4'.repeat(40).replace(/(.{70})/g, '$1\r\n\t')}`,
  'Date: Mon, 3 Nov 2025 11:11:10 +0100',
  'From: =?utf-8?Q?Andr=C3=A9_Example?= <andre@example.org>',
  'To: Bob <bob@example.net>, "Doe, Carol" <carol@example.net>, dave@example.net',
  'Cc: Eve <eve@example.com>',
  'Subject: Re: [team] =?utf-8?B?R3LDvMOfZQ==?= and the plan for next week',
  'Message-ID: <20251103101110.1234@example.org>',
  'In-Reply-To: <20251102090807.99@example.net>',
  'References: <20251101010101.1@example.net> <20251102090807.99@example.net>',
  'MIME-Version: 1.0',
  'X-Mailer: Example 1.0',
].join('\r\n')

const line = 'The quick brown fox jumps over the lazy dog, and then it does it again.\r\n'

function alternative(sizeBytes: number): Buffer {
  const text = line.repeat(Math.max(Math.floor((sizeBytes - header.length) / 3 / line.length), 1))
  const html = `<html><body><p>${line}</p></body></html>\r\n`.repeat(
    Math.max(Math.floor((sizeBytes - header.length - text.length) / (line.length + 40)), 1),
  )
  return Buffer.from(
    `${header}\r\nContent-Type: multipart/alternative; boundary="b1"\r\n\r\n--b1\r\n` +
      `Content-Type: text/plain; charset=utf-8\r\n\r\n${text}\r\n--b1\r\n` +
      `Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n${html}\r\n--b1--\r\n`,
  )
}

function withAttachment(sizeBytes: number): Buffer {
  const data = `${'QUJD'.repeat(19)}\r\n`.repeat(Math.floor((sizeBytes - 2000) / 78))
  return Buffer.from(
    `${header}\r\nContent-Type: multipart/mixed; boundary="b1"\r\n\r\n--b1\r\n` +
      `Content-Type: text/plain; charset=utf-8\r\n\r\n${line}\r\n--b1\r\n` +
      'Content-Type: application/pdf; name="plan.pdf"\r\nContent-Transfer-Encoding: base64\r\n' +
      `Content-Disposition: attachment; filename="plan.pdf"\r\n\r\n${data}\r\n--b1--\r\n`,
  )
}

const small = alternative(4096)
const middle = alternative(50 * 1024)
const attached = withAttachment(50 * 1024)
const large = withAttachment(10 * 1024 * 1024)
const stored = encodeStructure(parseStructure(small))

function inChunks(bytes: Buffer): void {
  const parser = new StructureParser()
  for (let at = 0; at < bytes.length; at += 65_536) parser.push(bytes.subarray(at, at + 65_536))
  parser.end()
}

summary(() => {
  bench('parse, 4 KB', () => parseStructure(small))
  bench('parse and encode, 4 KB', () => encodeStructure(parseStructure(small)))
  bench('parse and encode, 50 KB of text', () => encodeStructure(parseStructure(middle)))
  bench('parse and encode, 50 KB with attachment', () => encodeStructure(parseStructure(attached)))
  bench('parse 10 MB in 64 KiB chunks', () => inChunks(large))
  bench('stored: ENVELOPE', () => new StoredStructure(stored).envelopeWire)
  bench('stored: BODYSTRUCTURE', () => new StoredStructure(stored).bodyStructureWire)
  bench('stored: parts', () => new StoredStructure(stored).parts())
  bench('stored: subject and from as text', () => {
    const structure = new StoredStructure(stored)
    return structure.memberText('subject').length + structure.memberText('from').length
  })
})

await run()
process.stdout.write(`stored form of the 4 KB message: ${stored.length} bytes\n`)
