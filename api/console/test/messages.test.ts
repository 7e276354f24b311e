import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import en from '../src/i18n/en.json'
import zh from '../src/i18n/zh-CN.json'

type Tree = { [key: string]: string | Tree }

const leaves = (tree: Tree, at = ''): [string, string][] =>
  Object.entries(tree).flatMap(([key, value]): [string, string][] =>
    typeof value === 'string' ? [[at + key, value]] : leaves(value, `${at}${key}.`),
  )
const slots = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]!).sort()

const chinese = new Map(leaves(zh))
const english = new Map(leaves(en))

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return sources(path)
    return /\.(vue|ts)$/.test(entry.name) ? [readFileSync(path, 'utf8')] : []
  })
}

describe('messages', () => {
  test('have the same keys in Chinese and English', () => {
    expect([...english.keys()].sort()).toEqual([...chinese.keys()].sort())
  })

  test('have the same slots in both', () => {
    for (const [key, text] of chinese) expect(slots(english.get(key)!), key).toEqual(slots(text))
  })

  test('hold nothing that vue-i18n would read as a link or a plural', () => {
    for (const [key, text] of [...chinese, ...english]) expect(text, key).not.toMatch(/[@|]/)
  })

  const code = sources(join(import.meta.dirname, '../src')).join('\n')

  test('exist for every key the pages name', () => {
    const named = [...code.matchAll(/\bt\('([\w.]+)'/g)].map((match) => match[1]!)
    expect(named.length).toBeGreaterThan(100)
    expect(named.filter((key) => !chinese.has(key))).toEqual([])
  })

  test('are all used', () => {
    const quoted = new Set([...code.matchAll(/'([\w.]+)'/g)].map((match) => match[1]!))
    const prefixes = [...code.matchAll(/\bt\(`([\w.]+)\.\$\{/g)].map((match) => `${match[1]}.`)
    const unused = [...chinese.keys()].filter((key) => !quoted.has(key) && !prefixes.some((prefix) => key.startsWith(prefix)))
    expect(unused).toEqual([])
  })
})
