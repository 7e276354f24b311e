/** Where a filed lead stands in its five sign-offs, read from its journal. */
import type { JournalEntry } from '../api/types'

export const REVIEW_LEVELS = ['handler', 'squad_leader', 'legal', 'deputy_director', 'case_committee'] as const

/** The level whose turn it is: after the last approved one; a return, or a new filing, begins at the first. */
export function reviewLevel(journal: readonly JournalEntry[]): string {
  let done = 0
  for (const { detail } of journal) {
    if (detail.to === 'filed' || detail.verdict === 'return') done = 0
    else if (detail.verdict === 'approve') done = REVIEW_LEVELS.indexOf(detail.level as (typeof REVIEW_LEVELS)[number]) + 1
  }
  return REVIEW_LEVELS[Math.min(done, REVIEW_LEVELS.length - 1)]!
}
