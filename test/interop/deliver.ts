/** Puts messages into a mailbox over SMTP, quickly: what a test needs before its client begins. */
import { Conversation } from '../harness/conversation.ts'

/** Delivers in this order, over one connection with pipelined commands. */
export async function deliver(smtpPort: number, to: string, messages: Iterable<Buffer>): Promise<void> {
  await using smtp = await Conversation.connect(smtpPort)
  await smtp.expect('220 ')
  smtp.send('EHLO client.example.net')
  await smtp.until('250 ')
  for (const message of messages) {
    smtp.send('MAIL FROM:<somebody@example.net>', `RCPT TO:<${to}>`, 'DATA')
    await smtp.expectLines(['250 ', '250 ', '354 '])
    smtp.sendRaw(Buffer.concat([dotStuffed(message), Buffer.from('.\r\n')]))
    await smtp.expect('250 ')
  }
  await smtp.ask('QUIT', '221 ')
}

/** RFC 5321 §4.5.2 */
const dotStuffed = (message: Buffer): Buffer =>
  Buffer.from(message.toString('latin1').replace(/^\./gm, '..'), 'latin1')
