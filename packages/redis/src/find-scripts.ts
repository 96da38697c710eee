import { script } from './script.ts'

/** Where an encoded value ends: see `ordered-value.ts`. */
const skipValue = `
local function skip(entry, at)
  local tag = string.sub(entry, at, at)
  if tag == 'z' then return at + 1 end
  if tag == 'b' then return at + 2 end
  if tag == 'n' or tag == 'd' then return at + 17 end
  local _, last = string.find(entry, '\\0\\1', at, true)
  return last + 1
end
`

/**
 * Reads ranges of one sorted set with their documents, at one moment. Keys: the sorted set, checkpoints. Arguments: values
 * before the key in an entry, `1` for descending, limit, `1` to count, then for each range its bounds and those to count in.
 */
export const findScript = script(`#!lua flags=no-writes
${skipValue}
local entries, base = KEYS[1], string.sub(KEYS[2], 1, -2)
local fields, descending, limit, counted = tonumber(ARGV[1]), ARGV[2] == '1', tonumber(ARGV[3]), ARGV[4] == '1'
local answer = {0}
for i = 5, #ARGV, 4 do
  local found
  if descending then found = redis.call('ZRANGE', entries, ARGV[i + 1], ARGV[i], 'BYLEX', 'REV', 'LIMIT', 0, limit)
  else found = redis.call('ZRANGE', entries, ARGV[i], ARGV[i + 1], 'BYLEX', 'LIMIT', 0, limit) end
  if counted then answer[1] = answer[1] + redis.call('ZLEXCOUNT', entries, ARGV[i + 2], ARGV[i + 3]) end
  local documents = {}
  for j, entry in ipairs(found) do
    local at = 1
    for _ = 1, fields do at = skip(entry, at) end
    documents[j] = redis.call('GET', base .. 'd:' .. string.sub(entry, at))
  end
  answer[#answer + 1] = {found, documents}
end
return answer
`)

/**
 * Counts the entries per value of the field after some equal values. Keys: the sorted set. Arguments: most values to tell,
 * then the equal values of each range, encoded. An answer of one text: there are more values.
 */
export const facetScript = script(`#!lua flags=no-writes
${skipValue}
local most, answer, values = tonumber(ARGV[1]), {}, 0
for i = 2, #ARGV do
  local equal, from = ARGV[i], '[' .. ARGV[i]
  while true do
    local entry = redis.call('ZRANGE', KEYS[1], from, '(' .. equal .. '\\255', 'BYLEX', 'LIMIT', 0, 1)[1]
    if not entry then break end
    local value = string.sub(entry, 1, skip(entry, #equal + 1) - 1)
    values = values + 1
    if values > most then return {'more'} end
    answer[#answer + 1] = string.sub(value, #equal + 1)
    answer[#answer + 1] = redis.call('ZLEXCOUNT', KEYS[1], '[' .. value, '(' .. value .. '\\255')
    from = '[' .. value .. '\\255'
  end
end
return answer
`)
