/** What this browser remembers of its officer's taste: layers shown, sound. */
import { reactive, ref, watch } from 'vue'

function kept<T>(key: string, otherwise: T): T {
  const text = localStorage.getItem(`fleetfume.${key}`)
  return text === null ? otherwise : (JSON.parse(text) as T)
}

export const LAYERS = ['vehicles', 'outlets', 'sites', 'routes', 'roads', 'jurisdictions'] as const
export type LayerName = (typeof LAYERS)[number]

export const shown = reactive<Record<LayerName, boolean>>({
  vehicles: true,
  outlets: true,
  sites: true,
  routes: true,
  roads: true,
  jurisdictions: true,
  ...kept<Partial<Record<LayerName, boolean>>>('layers', {}),
})
watch(shown, (layers) => localStorage.setItem('fleetfume.layers', JSON.stringify(layers)))

export const sound = ref(kept('sound', false))
watch(sound, (on) => localStorage.setItem('fleetfume.sound', JSON.stringify(on)))
