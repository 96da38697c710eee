import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { adapterGuarantees } from './adapter-guarantees/page.ts'

// Writes docs/reference/guarantees.md: which adapter guarantees what, and the tests that show it.
writeFileSync(join(import.meta.dirname, '../docs/reference/guarantees.md'), adapterGuarantees())
