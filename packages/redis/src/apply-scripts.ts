import { moveCheckpoints, sameVersion, writeDocuments } from './lua-parts.ts'
import { script } from './script.ts'

/**
 * Applies a batch, or a part of one. Own keys: the documents. Own arguments: `final` or `data` (a part before the last one:
 * everything is checked, documents are written, nothing is parked and no checkpoint moves), how far below the lowest
 * checkpoint deletions are forgotten, system id, epoch, moves, parked keys, then a value for each document.
 */
export const applyScript = script(`${sameVersion}${writeDocuments}${moveCheckpoints}
local final, margin, system, epoch = argument() == 'final', tonumber(argument()), argument(), argument()
local moves = readMoves()
for _, move in ipairs(moves) do
  local refusal = allowed(move, system, epoch)
  if refusal then return refusal end
end
local park = {}
for i = 1, tonumber(argument()) do
  local entry = {name = argument(), why = argument(), positions = {}}
  for j = 1, tonumber(argument()) do entry.positions[j] = argument() end
  if entry.why == '' and redis.call('HEXISTS', q, entry.name) == 0 then return {'free', entry.name} end
  park[i] = entry
end
writeAll(6, place + 1, true)
if not final then return {'ok'} end
for _, entry in ipairs(park) do
  if entry.why ~= '' then
    local before = redis.call('HGET', q, entry.name)
    redis.call('HSET', q, entry.name, (before and string.sub(before, 1, 13) or nowMs()) .. entry.why)
  end
  for _, position in ipairs(entry.positions) do redis.call('ZADD', base .. 'w:' .. entry.name, 0, position) end
end
for _, move in ipairs(moves) do setCheckpoint(move, system, epoch) end
if #moves == 0 then return {'ok'} end
local forgettable = redis.call('ZRANGE', t, 0, 0)[1]
if not forgettable then return {'ok'} end
local lowest, slots = nil, 0
for _, stored in ipairs(redis.call('HVALS', c)) do
  if #stored > 66 then
    local position = string.sub(stored, 1, 20)
    if not lowest or position < lowest then lowest = position end
    slots = slots + tonumber(string.sub(stored, 64, 66))
  end
end
local bound = tonumber(lowest) - margin
if slots < 256 or bound <= 0 then return {'ok'} end
local below = '(' .. string.format('%020.0f', bound)
for _, deletion in ipairs(redis.call('ZRANGE', t, '-', below, 'BYLEX', 'LIMIT', 0, 100 + 2 * #KEYS)) do
  redis.call('UNLINK', base .. 'd:' .. string.sub(deletion, 21))
  redis.call('ZREM', t, deletion)
end
return {'ok'}
`)

/**
 * Settles a parked key. Own keys: the positions parked under it, then documents. Own arguments: the key, the positions that
 * were seen as one text, why the rest stays, the number of positions to free and these, then a value for each document.
 */
export const settleScript = script(`${sameVersion}${writeDocuments}
local name, seen, why, freed = ARGV[4], ARGV[5], ARGV[6], tonumber(ARGV[7])
local waiting = KEYS[6]
local found = table.concat(redis.call('ZRANGE', waiting, 0, -1), ',')
if found ~= seen then return {'changed', found} end
writeAll(7, freed + 8, true)
for i = 8, 7 + freed do redis.call('ZREM', waiting, ARGV[i]) end
if redis.call('EXISTS', waiting) == 0 then redis.call('HDEL', q, name) end
local before = redis.call('HGET', q, name)
if before and why ~= '' then redis.call('HSET', q, name, string.sub(before, 1, 13) .. why) end
return {'ok'}
`)
