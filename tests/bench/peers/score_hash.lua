-- Peer 3 in its more common form: an entity is a hash of tiles, read with HGETALL and updated with HINCRBY. score.lua
-- documents the arguments and answers, which are the same.
local floor, call, sub, byte = math.floor, redis.call, string.sub, string.byte
local seconds, amount = floor(ARGV[1] / 1000000), tonumber(ARGV[2])
local channel, country, mcc = ARGV[3], ARGV[4], ARGV[5]
local tiles = {floor(seconds / 60), floor(seconds / 300), floor(seconds / 3600), floor(seconds / 86400)}
local oldest = {tiles[1] - 10, tiles[2] - 12, tiles[3] - 24, tiles[4] - 30}
local fields = {'1:' .. tiles[1], '2:' .. tiles[2], '3:' .. tiles[3], '4:' .. tiles[4]}

local function visit(key)
  local found, old, counts, sums = call('HGETALL', key), nil, {0, 0, 0, 0}, {0, 0, 0, 0}
  for at = 1, #found, 2 do
    local field = found[at]
    local level = byte(field) - 48
    if tonumber(sub(field, 3, -3)) <= oldest[level] then
      old = old or {}
      old[#old + 1] = field
    elseif byte(field, -1) == 99 then -- 'c'
      counts[level] = counts[level] + found[at + 1]
    else
      sums[level] = sums[level] + found[at + 1]
    end
  end
  for level = 1, 4 do
    call('HINCRBY', key, fields[level] .. ':c', 1)
    call('HINCRBY', key, fields[level] .. ':s', amount)
  end
  if old then
    call('HDEL', key, unpack(old))
  end
  call('EXPIRE', key, 2678400)
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
