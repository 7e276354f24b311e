/** A list of the server's as a page shows it: read at once, page after page, or not at all and why. */
import { onMounted, ref, type Ref, shallowRef, type ShallowRef } from 'vue'
import { get, type Query } from '../api/http'
import type { Page } from '../api/types'

export interface List<Row> {
  rows: ShallowRef<Row[]>
  loading: Ref<boolean>
  /** In the user's language; empty while all is well. */
  problem: Ref<string>
  /** Where the next page begins, if there is one. */
  cursor: Ref<string | null>
  read: () => Promise<void>
  more: () => Promise<void>
}

export function useList<Row>(path: string | (() => string), query: () => Query = () => ({}), { all = false } = {}): List<Row> {
  const rows = shallowRef<Row[]>([])
  const loading = ref(true)
  const problem = ref('')
  const cursor = ref<string | null>(null)
  let turn = 0

  async function fetchFrom(start: string | null): Promise<void> {
    const mine = ++turn
    loading.value = true
    try {
      let next = start
      let held = start === null ? [] : rows.value
      do {
        const said = await get<Page<Row> | Row[]>(typeof path === 'string' ? path : path(), { ...(all && { limit: 1000 }), ...query(), cursor: next })
        const page = Array.isArray(said) ? { items: said, next_cursor: null } : said
        held = [...held, ...page.items]
        next = page.next_cursor
      } while (all && next)
      if (mine !== turn) return // Asked again since: that answer counts.
      rows.value = held
      cursor.value = next
      problem.value = ''
    } catch (error) {
      if (mine === turn) problem.value = (error as Error).message
    } finally {
      if (mine === turn) loading.value = false
    }
  }
  const read = () => fetchFrom(null)
  onMounted(read)
  return { rows, loading, problem, cursor, read, more: () => fetchFrom(cursor.value) }
}
