// Runs before every npm script that needs TypeScript without a build. Plain JavaScript that old versions of Node can
// read: its only task is to say clearly that the Node which npm should have installed is not the one that runs.
const major = Number(process.versions.node.split('.')[0])

if (major < 24) {
  console.error(
    [
      `expected Node 24 or newer, got ${process.versions.node} from ${process.execPath}`,
      '',
      'This repository brings its own Node: "npm ci" installs the package "node" into node_modules,',
      'and npm scripts find it there. It is missing, or its install script did not run.',
      '',
      '  npm ci                        installs it (not with --ignore-scripts)',
      '  npm rebuild node              runs its install script again',
      '',
      'Any Node 24 or newer on the PATH works too.',
    ].join('\n'),
  )
  process.exit(1)
}
