import type { Rule } from '../repository.ts'

const documents = 'README.md CONTRIBUTING.md CHANGELOG.md SECURITY.md LICENSE'
const settings = `package.json package-lock.json tsconfig.json tsconfig.base.json tsconfig.build.json vitest.config.ts compose.yaml
  .gitignore .gitattributes .editorconfig .npmrc .oxfmtrc.json .oxlintrc.json`
const folders = 'packages systems bench docs examples scripts test engines .ci .github .changeset'

const allowed = new Set([documents, settings, folders].flatMap((names) => names.split(/\s+/)))

/** The root is the first page a newcomer reads: what stands there was put there on purpose. */
export const rootFiles: Rule = {
  name: 'root files',
  *check({ paths }) {
    for (const name of new Set([...paths].map((path) => path.split('/')[0]!))) {
      if (!allowed.has(name))
        yield {
          path: name,
          message:
            'expected only the files listed in scripts/tidy/rules/root-files.ts in the root, got this one; find it a folder',
        }
    }
  },
}
