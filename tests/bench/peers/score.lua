-- Peer 3: everything in one Redis script: reads four entities, applies twenty rules, updates the entities, and answers
-- {verdict, score, reasons}.
--
-- An entity is one MessagePack string: four lists, one for each window, of tile, count, sum, tile, count, sum, … in order of
-- time. This is twice as fast as a hash of tiles (one GET and one SET for each entity instead of ten commands), and safe because
-- Redis runs scripts one at a time. Writing an entity drops tiles that are older than every window.
--
-- KEYS: card, customer, merchant, device. ARGV: event time in microseconds, amount in minor units, channel, country, mcc;
-- with a sixth one the 32 features follow the reasons. ruleset.py replaces --@RULES@ with the rules.
local floor, call, pack, unpack_message = math.floor, redis.call, cmsgpack.pack, cmsgpack.unpack
local seconds, amount = floor(ARGV[1] / 1000000), tonumber(ARGV[2])
local channel, country, mcc = ARGV[3], ARGV[4], ARGV[5]
local tiles = {floor(seconds / 60), floor(seconds / 300), floor(seconds / 3600), floor(seconds / 86400)}
local oldest = {tiles[1] - 10, tiles[2] - 12, tiles[3] - 24, tiles[4] - 30}

-- Adds (1, amount) to the tile, which is usually the last of the list, or a new one after it.
local function add(list, tile)
  local at = #list - 2
  while at > 0 and list[at] > tile do
    at = at - 3
  end
  if list[at] == tile then
    list[at + 1] = list[at + 1] + 1
    list[at + 2] = list[at + 2] + amount
  elseif at == #list - 2 then
    list[at + 3], list[at + 4], list[at + 5] = tile, 1, amount
  else
    table.insert(list, at + 3, amount)
    table.insert(list, at + 3, 1)
    table.insert(list, at + 3, tile)
  end
end

-- Returns counts and sums of the four windows before this payment, then adds it.
local function visit(key)
  local packed = call('GET', key)
  if not packed then
    local lists = {{tiles[1], 1, amount}, {tiles[2], 1, amount}, {tiles[3], 1, amount}, {tiles[4], 1, amount}}
    call('SET', key, pack(lists), 'EX', 2678400)
    return {0, 0, 0, 0}, {0, 0, 0, 0}
  end
  local lists, counts, sums = unpack_message(packed), {}, {}
  for level = 1, 4 do
    local list, limit, count, sum, first = lists[level], oldest[level], 0, 0, 1
    local length = #list
    while first < length and list[first] <= limit do
      first = first + 3
    end
    for at = first, length, 3 do
      count = count + list[at + 1]
      sum = sum + list[at + 2]
    end
    if first > 1 then
      list = {unpack(list, first)}
      lists[level] = list
    end
    add(list, tiles[level])
    counts[level], sums[level] = count, sum
  end
  call('SET', key, pack(lists), 'EX', 2678400)
  return counts, sums
end

local card_count, card_sum = visit(KEYS[1])
local customer_count, customer_sum = visit(KEYS[2])
local merchant_count, merchant_sum = visit(KEYS[3])
local device_count, device_sum = visit(KEYS[4])
local times_usual = 1
if card_count[4] >= 3 and card_sum[4] > 0 then
  times_usual = amount * card_count[4] / card_sum[4]
end
local score, at_least, reasons = 0, 0, {}
--@RULES@
local by_score = score >= 750 and 3 or score >= 550 and 2 or score >= 300 and 1 or 0
local verdict = ({'approve', 'review', 'challenge', 'decline'})[math.max(by_score, at_least) + 1]
local answer = {verdict, math.min(score, 1000), reasons}
if ARGV[6] then
  local all = {card_count, card_sum, customer_count, customer_sum, merchant_count, merchant_sum, device_count, device_sum}
  for _, values in ipairs(all) do
    for level = 1, 4 do
      answer[#answer + 1] = values[level]
    end
  end
end
return answer
