import type { DocumentColumn } from './document-columns.ts'

/**
 * The words of the documents of a version, in a table beside theirs. An update that changes an indexed column writes anew into
 * every index of its table, and into a text index once per word: an order that is paid would pay for all its titles.
 */
export interface TextTable {
  /** Unquoted. */
  readonly base: string
  /** Quoted, with its schema. */
  readonly name: string
  /** What documents are searched by, in columns of the documents' table. */
  readonly columns: readonly DocumentColumn[]
  readonly create: string
}

export function textTable(
  base: string,
  schema: string,
  columns: readonly DocumentColumn[],
): TextTable | undefined {
  if (columns.length === 0) return undefined
  const own = `${base}_text`
  const name = `${schema}."${own}"`
  const create = `create table if not exists ${name} (
  _key text collate "C" primary key,
  _text tsvector not null
) with (fillfactor = 90)`
  return { base: own, name, columns, create }
}

/** The index of the words. Without a pending list: with one, the planner turns away once many changes wait in it. */
export function textIndex({ name }: TextTable, index: string): string {
  return `create index if not exists "${index}" on ${name} using gin (_text) with (fastupdate = off)`
}

/** Writes the words of all rows of a table or CTE with the documents' columns, whose keys have none yet. */
export function insertWords(text: TextTable, documents: string): string {
  return `insert into ${text.name} (_key, _text) select d._key, ${words(text)} from ${documents} d`
}

/**
 * Writes the words of documents that are put, where they are new or differ from those that stand there: `given` is a CTE of
 * what is put, and `documents` their table, as it is before the statement.
 */
export function putWords(text: TextTable, given: string, documents: string): string {
  const were = text.columns.map((column) => `was."${column.name}"`).join(', ')
  const are = text.columns.map((column) => `d."${column.name}"`).join(', ')
  return `${insertWords(text, given)} left join ${documents} was on was._key = d._key
    where was._key is null or (${were}) is distinct from (${are})
    on conflict (_key) do update set _text = excluded._text`
}

/** A condition on documents: `query` is an expression of type tsquery. */
export function hasWords({ name }: TextTable, query: string): string {
  return `_key in (select t._key from ${name} t where t._text @@ ${query})`
}

function words({ columns }: TextTable): string {
  return columns.map((column) => vectorOf(column)).join(' || ')
}

/**
 * The words of a column of `d` as SQL, parted as `searchWords` parts them: without that, PostgreSQL's parser takes `a-b` or `x@y.z`
 * for one word. `simple`: words as they are, in every language; lists count with all their strings.
 */
function vectorOf({ name, kind }: { readonly name: string; readonly kind: string }): string {
  const stored = kind === 'text' ? `d."${name}"` : `d."${name}"::text`
  // The text of a list is JSON: the letter of an escape, as in \n, belongs to no word.
  const value =
    kind === 'jsonb'
      ? `regexp_replace(${stored}, '\\\\(["\\\\bfnrt]|u[0-9a-f]{4})', ' ', 'g')`
      : stored
  const plain = `translate(${value}, '${quotedText(punctuation)}', '${' '.repeat(punctuation.length)}')`
  const other = `translate(${value}, '${quotedText(punctuation + widthless + invisible)}', '${' '.repeat(punctuation.length + 1)}')`
  // Most texts are ASCII, and composing letters takes a while.
  return `to_tsvector('simple'::regconfig, coalesce(case when octet_length(${stored}) = char_length(${stored}) then ${plain} else normalize(${other}, NFC) end, ''))`
}

function quotedText(text: string): string {
  return text.replaceAll("'", "''")
}

const punctuation = `!"#$%&'()*+,-./:;<=>?@[\\]^_\`{|}~`
const widthless = '\u200b'
/** PostgreSQL takes each for a part of a word. Those of scripts that nobody types any more are not among them. */
const invisible =
  '\u00ad\u061c\u180e\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2061\u2062\u2063\u2064\u2066\u2067\u2068\u2069\ufeff'
