/** `/api/queue/status`: whether mail leaves the queue, and pausing and resuming it. */
import type { QueueControl } from '#queue/control.ts'
import type { Management } from '#registry/management.ts'
import type { ApiRoute } from './route.ts'

export interface QueueStatusOptions {
  readonly management: Management
  readonly queue: QueueControl
}

/** Whether it runs, as the classic interface says it: in an answer to a change, whether it did before. */
const isRunning = { type: 'boolean' }

const common = { tag: 'Queue', data: isRunning } as const

export function queueStatusRoutes({ management, queue }: QueueStatusOptions): readonly ApiRoute[] {
  return [
    {
      ...common,
      method: 'GET',
      path: '/api/queue/status',
      summary: 'Whether mail leaves the queue',
      permissions: ['sysQueuedMessageQuery'],
      handle: (c) => c.json({ data: queue.paused === undefined }),
    },
    {
      ...common,
      method: 'PATCH',
      path: '/api/queue/status/stop',
      summary: 'Pause the queue: nothing new is begun until it is resumed, over restarts too',
      permissions: ['actionPauseMtaQueue'],
      handle: async (c) => {
        const actor = c.get('actor')
        const scope = { actor, account: actor.account }
        const { wasRunning } = await management.act('PauseMtaQueue', scope, async () => {
          const before = queue.paused === undefined
          await queue.pause(actor.name)
          return { wasRunning: before }
        })
        return c.json({ data: wasRunning })
      },
    },
    {
      ...common,
      method: 'PATCH',
      path: '/api/queue/status/start',
      summary: 'Resume the queue',
      permissions: ['actionResumeMtaQueue'],
      handle: async (c) => {
        const actor = c.get('actor')
        const scope = { actor, account: actor.account }
        const { wasRunning } = await management.act('ResumeMtaQueue', scope, async () => {
          const before = queue.paused === undefined
          await queue.resume(actor.name)
          return { wasRunning: before }
        })
        return c.json({ data: wasRunning })
      },
    },
  ]
}
