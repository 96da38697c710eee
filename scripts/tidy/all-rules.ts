import type { Rule } from './repository.ts'
import { adapterNames } from './rules/adapter-names.ts'
import { deadFiles } from './rules/dead-files.ts'
import { determinism } from './rules/determinism.ts'
import { docLinks } from './rules/doc-links.ts'
import { fileLength } from './rules/file-length.ts'
import { fileNames } from './rules/file-names.ts'
import { functionLength } from './rules/function-length.ts'
import { guarantees } from './rules/guarantees.ts'
import { importCycles } from './rules/import-cycles.ts'
import { machinePaths } from './rules/machine-paths.ts'
import { packageImports } from './rules/package-imports.ts'
import { rootFiles } from './rules/root-files.ts'

export const allRules: readonly Rule[] = [
  fileLength,
  functionLength(),
  fileNames,
  deadFiles,
  importCycles,
  packageImports,
  adapterNames,
  determinism,
  rootFiles,
  docLinks,
  machinePaths,
  guarantees,
]
