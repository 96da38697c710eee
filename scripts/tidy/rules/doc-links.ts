import { posix } from 'node:path'
import { lineAt, type Repository, type RepositoryFile, type Rule } from '../repository.ts'

const link = /\[[^\]]*\]\(([^)\s]+)(?:\s+"[^"]*")?\)/g

/** A link in the documentation leads to a file of the repository, and to a heading that is there. */
export const docLinks: Rule = {
  name: 'doc links',
  *check(repository) {
    for (const file of repository.files) {
      if (!file.path.endsWith('.md')) continue
      const prose = withoutCode(file.text)
      for (const { 1: target, index } of prose.matchAll(link)) {
        const message = problemWith(repository, file, decodeURI(target!))
        if (message !== undefined) yield { path: file.path, line: lineAt(prose, index), message }
      }
    }
  },
}

function withoutCode(text: string): string {
  return text
    .replaceAll(/^(```|~~~)[\s\S]*?^\1/gm, (block) => block.replaceAll(/[^\n]/g, ' '))
    .replaceAll(/`[^`\n]*`/g, (code) => code.replaceAll(/[[\]()]/g, ' '))
}

function problemWith(
  repository: Repository,
  file: RepositoryFile,
  target: string,
): string | undefined {
  if (/^[a-z]+:/i.test(target)) return undefined
  const [relative = '', anchor] = target.split('#')
  const path =
    relative === '' ? file.path : posix.join(posix.dirname(file.path), relative).replace(/\/$/, '')
  if (!exists(repository, path)) return `expected the link to lead to a file, got "${target}"`
  const page = repository.files.find((each) => each.path === path)
  if (anchor === undefined || page === undefined || !path.endsWith('.md')) return undefined
  return headingsOf(page.text).has(anchor)
    ? undefined
    : `expected the link to lead to a heading, got "${target}"`
}

function exists({ paths }: Repository, path: string): boolean {
  return path === '.' || paths.has(path) || [...paths].some((each) => each.startsWith(`${path}/`))
}

/** The names that GitHub gives to headings. */
function headingsOf(text: string): Set<string> {
  const names = new Set<string>()
  for (const [, title] of text.matchAll(/^#+\s+(.*)$/gm)) {
    const name = title!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(/\s/g, '-')
    let unique = name
    for (let n = 1; names.has(unique); n++) unique = `${name}-${n}`
    names.add(unique)
  }
  return names
}
