/**
 * The process that makes the load, apart from the bench so that nothing else takes its time, and apart from the
 * server so that its own processor time is not taken for the server's. It does one job after another.
 */
import { prepareClear, prepareFill, prepareIdle, prepareImap } from './imap-job.ts'
import { prepareJmap } from './jmap-job.ts'
import type { FromLoad, Job, PreparedJob, ToLoad } from './job.ts'
import { prepareOutbound } from './outbound-job.ts'
import { prepareSmtp } from './smtp-job.ts'

function prepare(job: Job): Promise<PreparedJob> {
  switch (job.kind) {
    case 'smtp':
      return prepareSmtp(job)
    case 'outbound':
      return prepareOutbound(job)
    case 'imap':
      return prepareImap(job)
    case 'jmap':
      return prepareJmap(job)
    case 'fill':
      return prepareFill(job)
    case 'idle':
      return prepareIdle(job)
    case 'clear':
      return prepareClear(job)
  }
}

function tell(message: FromLoad): void {
  process.send!(message)
}

function serve(): void {
  let prepared: PreparedJob | undefined
  const take = async (message: ToLoad) => {
    switch (message.step) {
      case 'prepare':
        prepared = await prepare(message.job)
        return tell({ state: 'prepared' })
      case 'run':
        return tell({ state: 'done', result: await prepared!.run() })
      case 'release':
        await prepared!.release()
        prepared = undefined
        return tell({ state: 'released' })
    }
  }
  process.on('message', (message) => {
    take(message as ToLoad).catch((error: unknown) => tell({ state: 'failed', message: String(error) }))
  })
  process.on('disconnect', () => process.exit())
  tell({ state: 'started' })
}

serve()
