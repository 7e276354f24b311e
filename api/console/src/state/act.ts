/** One thing an officer does: the button waits, and what came of it is said. To be called in a component's setup. */
import { ref, type Ref } from 'vue'
import { useMessage } from 'naive-ui'
import { i18n } from '../i18n'

/** A refusal stays until it can have been read. */
const REFUSAL_MS = 10_000

export function useAct(): { busy: Ref<boolean>; act: (what: () => Promise<unknown>, done?: string) => Promise<boolean> } {
  const message = useMessage()
  const busy = ref(false)
  async function act(what: () => Promise<unknown>, done = i18n.global.t('alert.done')): Promise<boolean> {
    busy.value = true
    try {
      await what()
      if (done) message.success(done)
      return true
    } catch (error) {
      message.error((error as Error).message, { duration: REFUSAL_MS, closable: true })
      return false
    } finally {
      busy.value = false
    }
  }
  return { busy, act }
}
