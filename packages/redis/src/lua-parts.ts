/**
 * Parts of the scripts that change a version. `KEYS`: catalog, checkpoints, keys, deletions, parked, and what is the
 * script's own. `ARGV`: field of the version in the catalog, its incarnation, bytes before the JSON of a document without
 * index entries, and what is the script's own.
 *
 * A document is one string: position (20 digits), where the projection has lookups the length of its index entries in bytes
 * and in UTF-16 units (5 digits each) and the entries, then JSON. A deletion is remembered as a position alone.
 */
export const ownKeys = 5
export const ownArguments = 3

/** Refuses to write into a version that was dropped, or dropped and made anew. */
export const sameVersion = `#!lua
local catalog, c, k, t, q = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local base = string.sub(c, 1, -2)
local head = tonumber(ARGV[3])
local known = redis.call('HGET', catalog, ARGV[1])
if not known or string.match(known, '^%d+') ~= ARGV[2] then return {'gone'} end
`

/** Writes documents with their index entries: `put` never over a newer one, `fill` where nothing was before. */
export const writeDocuments = `
local function entries(text)
  local found, at = {}, 1
  while at <= #text do
    local size = tonumber(string.sub(text, at + 1, at + 5))
    found[string.sub(text, at, at) .. string.sub(text, at + 6, at + 5 + size)] = true
    at = at + 6 + size
  end
  return found
end
local function reindex(before, after, name)
  if before == after then return end
  local old, new = entries(before), entries(after)
  for entry in pairs(old) do
    if not new[entry] then redis.call('ZREM', base .. 'i' .. string.sub(entry, 1, 1), string.sub(entry, 2) .. name) end
  end
  for entry in pairs(new) do
    if not old[entry] then redis.call('ZADD', base .. 'i' .. string.sub(entry, 1, 1), 0, string.sub(entry, 2) .. name) end
  end
end
local function write(doc, value, before)
  local name = string.sub(doc, #base + 3)
  local was, is = #before > 20, #value > 20
  if #before == 20 then redis.call('ZREM', t, before .. name) end
  if is and not was then redis.call('ZADD', k, 0, name) end
  if was and not is then redis.call('ZREM', k, name) end
  if not is then redis.call('ZADD', t, 0, value .. name) end
  if head > 20 then
    local old, new = '', ''
    if was then
      local size = tonumber(string.sub(before, 21, 25))
      if size > 0 then old = redis.call('GETRANGE', doc, 30, 29 + size) end
    end
    if is then new = string.sub(value, 31, 30 + tonumber(string.sub(value, 21, 25))) end
    reindex(old, new, name)
  end
  redis.call('SET', doc, value)
end
local function put(doc, value)
  local before = redis.call('GETRANGE', doc, 0, head)
  if #before == 0 or string.sub(value, 1, 20) > string.sub(before, 1, 20) then write(doc, value, before) end
end
`

/**
 * Reads and writes checkpoints: position, fence (20 digits each), epoch (10), time of the move in milliseconds (13), slots
 * of the range (3), system id. `allowed` says why a move may not be made.
 */
export const moveCheckpoints = `
local function allowed(move, system, epoch)
  local stored = redis.call('HGET', c, 'r' .. move.range)
  if not stored then
    if move.from ~= '' then return {'fenced', move.range, 'position', ''} end
    return nil
  end
  if string.sub(stored, 21, 40) > move.fence then return {'fenced', move.range, 'fence', string.sub(stored, 21, 40)} end
  if string.sub(stored, 1, 20) ~= move.from then return {'fenced', move.range, 'position', string.sub(stored, 1, 20)} end
  if string.sub(stored, 67) ~= system or string.sub(stored, 41, 50) > epoch then
    return {'fenced', move.range, 'history', string.sub(stored, 67) .. '/' .. string.sub(stored, 41, 50)}
  end
  return nil
end
local function nowMs()
  local now = redis.call('TIME')
  return string.format('%013.0f', now[1] * 1000 + math.floor(now[2] / 1000))
end
local function setCheckpoint(move, system, epoch)
  redis.call('HSET', c, 'r' .. move.range, move.to .. move.fence .. epoch .. nowMs() .. move.slots .. system)
end
local place = ${ownArguments}
local function argument() place = place + 1 return ARGV[place] end
local function readMoves()
  local moves = {}
  for i = 1, tonumber(argument()) do
    moves[i] = {range = argument(), from = argument(), to = argument(), fence = argument(), slots = argument()}
  end
  return moves
end
`
