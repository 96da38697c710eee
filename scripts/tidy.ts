import { join } from 'node:path'
import { allRules } from './tidy/all-rules.ts'
import { readRepository } from './tidy/repository.ts'

// Checks the rules of this repository that no other tool knows. `npm run tidy`; a part of `npm test`.

const repository = readRepository(join(import.meta.dirname, '..'))
let findings = 0
for (const rule of allRules) {
  for (const { path, line, message } of rule.check(repository)) {
    findings++
    console.log(`${path}${line === undefined ? '' : `:${line}`}  ${rule.name}: ${message}`)
  }
}
console.log(
  `tidy: ${allRules.length} rules, ${repository.files.length} files, ${findings} findings`,
)
process.exitCode = findings === 0 ? 0 : 1
