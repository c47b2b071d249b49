import type { Job } from './job.js'

export async function checkAll(_job: Job): Promise<number> {
  throw new Error('not yet')
}
