/** What other parts ask the live map to do: fly somewhere and select it. */
import { shallowRef } from 'vue'

export type Wish =
  | { vehicle: string }
  | { outlet: string }
  | { place: [number, number] }

export const wish = shallowRef<Wish>()
