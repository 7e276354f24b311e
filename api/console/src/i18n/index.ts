/** Chinese first, English a click away; the choice stays with this browser. */
import { createI18n } from 'vue-i18n'
import { register } from '../state/register'
import en from './en.json'
import zh from './zh-CN.json'

export type Language = 'zh-CN' | 'en'
const KEY = 'fleetfume.language'

export const i18n = createI18n({
  legacy: false,
  locale: localStorage.getItem(KEY) === 'en' ? 'en' : 'zh-CN',
  fallbackLocale: 'zh-CN',
  messages: { 'zh-CN': zh, en },
})

export const isChinese = (): boolean => i18n.global.locale.value === 'zh-CN'

export function setLanguage(language: Language): void {
  i18n.global.locale.value = language
  localStorage.setItem(KEY, language)
  document.documentElement.lang = language
}

/** The catalogue's word for a code (kind, state, severity, field …); the code itself where it has none. */
export function label(code: string | null | undefined): string {
  if (!code) return '—'
  return register.labels[code]?.[isChinese() ? 'zh' : 'en'] ?? code
}

/** The office's own word for a review level, which may be one the catalogue does not know. */
export function levelName(code: string | null | undefined): string {
  const level = register.levels.find((one) => one.level === code)
  return level ? level[isChinese() ? 'label_zh' : 'label_en'] : label(code)
}
