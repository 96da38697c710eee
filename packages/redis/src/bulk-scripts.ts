import { lookupIds } from './lookup.ts'
import { moveCheckpoints, sameVersion, writeDocuments } from './lua-parts.ts'
import { script } from './script.ts'

const isStarted = `
local function isStarted()
  for _, field in ipairs(redis.call('HKEYS', c)) do
    if string.sub(field, 1, 1) == 'r' then return true end
  end
  return false
end
`

/**
 * Begins a bulk load, and ends that of anybody else under a lower or equal fence. Own argument: the token of this one, which
 * begins with its fence (20 digits). One of another length is of a load that had no fence.
 */
export const beginScript = script(`${sameVersion}${isStarted}
if isStarted() then return {'started'} end
local other = redis.call('HGET', c, 'bulk')
if other and #other == #ARGV[4] and string.sub(other, 1, 20) > string.sub(ARGV[4], 1, 20) then
  return {'fenced', string.sub(other, 1, 20)}
end
redis.call('HSET', c, 'bulk', ARGV[4])
return {'ok'}
`)

/** Documents that are removed in one step: the server does nothing else meanwhile. */
const clearedAtOnce = 500

/**
 * Removes a part of what an earlier load has left; `more`: there may be more of it. A step of the load like each filling: one
 * that was overtaken would remove what the other one has finished. Own argument: the token.
 */
export const clearScript = script(`${sameVersion}
if redis.call('HGET', c, 'bulk') ~= ARGV[4] then return {'overtaken'} end
for list, before in pairs({[k] = 0, [t] = 20}) do
  local page = redis.call('ZRANGE', list, 0, ${clearedAtOnce - 1})
  if #page > 0 then
    local documents = {}
    for i, entry in ipairs(page) do documents[i] = base .. 'd:' .. string.sub(entry, before + 1) end
    redis.call('UNLINK', unpack(documents))
    redis.call('ZREM', list, unpack(page))
    return {'ok', 'more'}
  end
end
for letter in string.gmatch('${lookupIds.join('')}', '.') do redis.call('UNLINK', base .. 'i' .. letter) end
return {'ok', 'done'}
`)

/** Adds documents. Own keys: theirs. Own arguments: the token, then a value for each. */
export const fillScript = script(`${sameVersion}${writeDocuments}
if redis.call('HGET', c, 'bulk') ~= ARGV[4] then return {'overtaken'} end
writeAll(6, 5, false)
return {'ok'}
`)

/** Ends a bulk load: sets the checkpoints. Own arguments: the token, system id, epoch, moves. */
export const finishScript = script(`${sameVersion}${isStarted}${moveCheckpoints}
if redis.call('HGET', c, 'bulk') ~= argument() then return {'overtaken'} end
if isStarted() then return {'started'} end
local system, epoch = argument(), argument()
for _, move in ipairs(readMoves()) do setCheckpoint(move, system, epoch) end
redis.call('HDEL', c, 'bulk')
return {'ok'}
`)
