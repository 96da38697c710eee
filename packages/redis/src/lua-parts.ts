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

/**
 * Writes documents with their index entries: `writeAll(first, firstValue, guarded)` the keys from `first` on with the
 * arguments from `firstValue` on, guarded: never over a newer one. Of what is stored only the beginning
 * is read. Few calls with many keys each: a call costs more than what it does. Not with all of them: Lua's stack holds 8,000.
 */
export const writeDocuments = `
local function inParts(command, key, list)
  for from = 1, #list, 4000 do
    redis.call(command, key, unpack(list, from, math.min(from + 3999, #list)))
  end
end
local function entries(text)
  local found, at = {}, 1
  while at <= #text do
    local size = tonumber(string.sub(text, at + 1, at + 5))
    found[string.sub(text, at, at + 5 + size)] = size
    at = at + 6 + size
  end
  return found
end
local function added(lists, letter, count, entry)
  local list = lists[letter]
  if not list then list = {} lists[letter] = list end
  if count == 2 then list[#list + 1] = '0' end
  list[#list + 1] = entry
end
local function writeAll(first, firstValue, guarded)
  if first > #KEYS then return end
  local KEYS, ARGV, sub = KEYS, ARGV, string.sub
  local filled, read = 0, head == 20 and 20 or 255
  local documents, live, gone, remembered, forgotten, into, outOf = {}, {}, {}, {}, {}, {}, {}
  for i = first, #KEYS do
    local doc, value, old = KEYS[i], ARGV[firstValue + i - first], ''
    if guarded then old = redis.call('GETRANGE', doc, 0, read) end
    if old == '' or sub(value, 1, 20) > sub(old, 1, 20) then
      local was, is = #old > 20, #value > 20
      documents[filled + 1], documents[filled + 2] = doc, value
      filled = filled + 2
      if not (was and is) then
        local name = sub(doc, #base + 3)
        if #old == 20 then forgotten[#forgotten + 1] = old .. name end
        if is then live[#live + 1] = '0' live[#live + 1] = name end
        if was then gone[#gone + 1] = name end
        if not is then remembered[#remembered + 1] = '0' remembered[#remembered + 1] = value .. name end
      end
      if head > 20 then
        local from, to = '', ''
        if was then
          local last = 30 + tonumber(sub(old, 21, 25))
          if last <= #old then from = sub(old, 31, last)
          else from = redis.call('GETRANGE', doc, 30, last - 1) end
        end
        if is then to = sub(value, 31, 30 + tonumber(sub(value, 21, 25))) end
        if from ~= to then
          local name, leaving, coming = sub(doc, #base + 3), entries(from), entries(to)
          for entry in pairs(leaving) do
            if not coming[entry] then added(outOf, sub(entry, 1, 1), 1, sub(entry, 7) .. name) end
          end
          for entry in pairs(coming) do
            if not leaving[entry] then added(into, sub(entry, 1, 1), 2, sub(entry, 7) .. name) end
          end
        end
      end
    end
  end
  if filled == 0 then return end
  for from = 1, #documents, 4000 do
    redis.call('MSET', unpack(documents, from, math.min(from + 3999, #documents)))
  end
  inParts('ZADD', k, live)
  inParts('ZREM', k, gone)
  inParts('ZREM', t, forgotten)
  inParts('ZADD', t, remembered)
  for letter, list in pairs(outOf) do inParts('ZREM', base .. 'i' .. letter, list) end
  for letter, list in pairs(into) do inParts('ZADD', base .. 'i' .. letter, list) end
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
