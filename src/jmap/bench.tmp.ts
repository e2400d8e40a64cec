import { JmapTestServer, accountId } from './fixture.test.ts'
import { emailObjectId } from '#mail/object-id.ts'
const server = await JmapTestServer.start()
const ids: string[] = []
for (let i = 0; i < 500; i++) {
  const text = ['Received: by mx.example.org; Thu, 1 Jan 2026 00:00:00 +0000', `From: "Sender Number ${i}" <sender${i}@example.org>`, 'To: fred@example.org, "Other, One" <other@example.net>', `Subject: Message number ${i} about something =?utf-8?Q?caf=C3=A9?=`, 'Date: Thu, 1 Jan 2026 10:00:00 +0100', `Message-ID: <m${i}@example.org>`, 'MIME-Version: 1.0', 'Content-Type: multipart/alternative; boundary=b1', '', '--b1', 'Content-Type: text/plain; charset=utf-8', 'Content-Transfer-Encoding: quoted-printable', '', 'Hello =C3=A4 this is some text in a line that is about seventy long\n'.repeat(30), '--b1', 'Content-Type: text/html; charset=utf-8', 'Content-Transfer-Encoding: quoted-printable', '', '<p>Hello =C3=A4 this is some text in a line that is about seventy</p>\n'.repeat(50), '--b1--', ''].join('\n')
  ids.push(emailObjectId((await server.deliver(text)).id, ''))
}
const list = ['id','threadId','mailboxIds','keywords','from','subject','receivedAt','preview','hasAttachment']
const run = async (name: string, n: number, f: (i: number) => Promise<unknown>) => {
  for (let i = 0; i < 20; i++) await f(i)
  const c = process.cpuUsage(); const t = performance.now()
  for (let i = 0; i < n; i++) await f(i)
  const d = process.cpuUsage(c)
  console.log(name, ((d.user + d.system) / 1000 / n).toFixed(2), 'ms cpu', ((performance.now() - t) / n).toFixed(2), 'ms')
}
const some = (i: number) => ids.slice((i * 50) % 450, (i * 50) % 450 + 50)
const N = Number(process.argv[2] ?? 100)
await run('list of 50', N, (i) => server.request([['Email/get', { accountId, ids: some(i), properties: list }, 'g']]))
await run('defaults of 50', N, (i) => server.request([['Email/get', { accountId, ids: some(i) }, 'g']]))
await run('bodies of 50', N, (i) => server.request([['Email/get', { accountId, ids: some(i), fetchTextBodyValues: true, fetchHTMLBodyValues: true }, 'g']]))
await run('set 500', Math.ceil(N / 10), (i) => server.request([['Email/set', { accountId, update: Object.fromEntries(ids.map((id) => [id, { 'keywords/$bench': i % 2 === 0 ? true : null }])) }, 's']]))
