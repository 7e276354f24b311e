/** Keys of the duty desk. None while something is being written, or together with Ctrl, Alt or Meta. */
import { onBeforeUnmount, onMounted } from 'vue'

const isWriting = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName))

/** To be called in a component's setup; `deeds` by `KeyboardEvent.key`, letters small. */
export function useKeys(deeds: Record<string, () => void>): void {
  function onKey(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || event.repeat || isWriting(event.target)) return
    deeds[event.key.length === 1 ? event.key.toLowerCase() : event.key]?.()
  }
  onMounted(() => window.addEventListener('keydown', onKey))
  onBeforeUnmount(() => window.removeEventListener('keydown', onKey))
}
