import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { guaranteesPage, guaranteesPath } from './guarantees/guarantees-page.ts'

// Writes docs/guarantees.md. `npm run tidy` says when it is not what this would write.
writeFileSync(join(import.meta.dirname, '..', guaranteesPath), guaranteesPage())
