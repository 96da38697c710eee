import { isCode, isTest, type Rule } from '../repository.ts'

const linesMax = 500
const testLinesMax = 800

/** A file that grows past a screenful of concepts is two files. */
export const fileLength: Rule = {
  name: 'file length',
  *check({ files }) {
    for (const { path, text } of files) {
      if (!isCode(path)) continue
      const max = isTest(path) ? testLinesMax : linesMax
      const lines = text.trimEnd().split('\n').length
      if (lines > max)
        yield {
          path,
          message: `expected at most ${max} lines, got ${lines}; split the file by concept`,
        }
    }
  },
}
