import type { App, CallExample } from 'tailrace'
import {
  commandStatusSchema,
  headerParameters,
  metaSchema,
  problemSchema,
} from './openapi-parts.ts'
import { fixedPaths } from './openapi-fixed-paths.ts'
import { commandResponses, queryResponses } from './openapi-responses.ts'
import { SchemaBook } from './schema-book.ts'
import type { JsonSchema } from './unknown-fields.ts'

type Operation = Record<string, unknown>

/** The OpenAPI 3.1 document of an application, from its registry: nothing of it is written twice. */
export function openApiDocument(app: App, title = 'Tailrace application'): Record<string, unknown> {
  const book = new SchemaBook()
  const paths: Record<string, unknown> = {}
  for (const command of Object.values(app.commands)) {
    // What only the system itself issues cannot be called from outside.
    if (command.may !== 'system')
      paths[`/commands/${command.name}`] = { post: commandOperation(command, book) }
  }
  for (const query of Object.values(app.queries)) {
    if (query.may !== 'system') paths[`/queries/${query.name}`] = queryOperations(query, book)
  }
  return {
    openapi: '3.1.0',
    info: { title, version: '1', description: intro },
    paths: { ...paths, ...fixedPaths },
    components: {
      schemas: {
        Problem: problemSchema,
        Meta: metaSchema,
        CommandStatus: commandStatusSchema,
        ...book.schemas,
      },
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
    },
  }
}

const intro =
  'Examples work in the order in which they stand, against a fresh start: first the commands, then the queries. ' +
  'An example that needs an identity names its Authorization header in `x-authorization`.'

function commandOperation(command: App['commands'][string], book: SchemaBook): Operation {
  return {
    operationId: command.name,
    tags: ['commands'],
    ...securityOf(command.may),
    parameters: headerParameters('idempotencyKey', 'ifMatch', 'traceparent'),
    requestBody: bodyOf(book.input(`${command.name}Input`, command.input), command.examples),
    responses: commandResponses(command, book),
  }
}

function queryOperations(
  query: App['queries'][string],
  book: SchemaBook,
): Record<string, Operation> {
  const schema = book.input(`${query.name}Input`, query.input)
  const common = {
    tags: ['queries'],
    ...securityOf(query.may),
  }
  const examples = namedExamples(query.examples)
  const headers = headerParameters('consistencyToken', 'prefer', 'ifNoneMatch')
  const description = 'The input as JSON. Default: {}'
  const input = {
    name: 'input',
    in: 'query',
    description,
    content: { 'application/json': { schema, ...examples } },
  }
  return {
    post: {
      operationId: query.name,
      ...common,
      parameters: headers,
      requestBody: bodyOf(schema, query.examples),
      responses: queryResponses(query, book),
    },
    get: {
      operationId: `${query.name}ByAddress`,
      ...common,
      parameters: [input, ...headers],
      responses: queryResponses(query, book, ['PARAMETER_INVALID']),
    },
  }
}

function bodyOf(
  schema: JsonSchema,
  examples: readonly CallExample<unknown>[],
): Record<string, unknown> {
  return {
    required: true,
    content: { 'application/json': { schema, ...namedExamples(examples) } },
  }
}

function namedExamples(examples: readonly CallExample<unknown>[]): Record<string, unknown> {
  const named = examples.map(({ input, as }, index) => [
    `example-${index + 1}`,
    {
      value: input,
      ...(as === undefined ? {} : { 'x-authorization': `Bearer demo:${as.role}:${as.id}` }),
    },
  ])
  return named.length === 0 ? {} : { examples: Object.fromEntries(named) }
}

function securityOf(policy: unknown): Record<string, unknown> {
  return { security: policy === 'anyone' ? [] : [{ bearer: [] }] }
}
