-- Peer 3 as it is often written: an entity is a hash of tiles, which HGETALL reads and HINCRBY changes. score.lua has the
-- same arguments and answers, and more words about them.
local floor = math.floor
local seconds, amount = floor(ARGV[1] / 1000000), tonumber(ARGV[2])
local channel, country, mcc = ARGV[3], ARGV[4], ARGV[5]
local widths, lengths = {60, 300, 3600, 86400}, {10, 12, 24, 30}
local names = {'10m', '1h', '1d', '30d'}
local entities = {'card', 'customer', 'merchant', 'device'}
local f, now, oldest = {}, {}, {}
for level = 1, 4 do
  now[level] = floor(seconds / widths[level])
  oldest[level] = now[level] - lengths[level]
end

for i, key in ipairs(KEYS) do
  local entity, found, old = entities[i], redis.call('HGETALL', key), {}
  local counts, sums = {0, 0, 0, 0}, {0, 0, 0, 0}
  for at = 1, #found, 2 do
    local field = found[at]
    local level, tile = tonumber(string.sub(field, 1, 1)), tonumber(string.sub(field, 3, -3))
    if tile <= oldest[level] then
      old[#old + 1] = field
    elseif string.byte(field, -1) == 99 then -- 'c'
      counts[level] = counts[level] + found[at + 1]
    else
      sums[level] = sums[level] + found[at + 1]
    end
  end
  for level = 1, 4 do
    f[entity .. '_count_' .. names[level]] = counts[level]
    f[entity .. '_sum_' .. names[level]] = sums[level]
    redis.call('HINCRBY', key, level .. ':' .. now[level] .. ':c', 1)
    redis.call('HINCRBY', key, level .. ':' .. now[level] .. ':s', amount)
  end
  if #old > 0 then
    redis.call('HDEL', key, unpack(old))
  end
  redis.call('EXPIRE', key, 2678400)
end

local times_usual = 1
if f.card_count_30d >= 3 and f.card_sum_30d > 0 then
  times_usual = amount * f.card_count_30d / f.card_sum_30d
end
local score, at_least, reasons = 0, 0, {}
--@RULES@
local by_score = score >= 750 and 3 or score >= 550 and 2 or score >= 300 and 1 or 0
local verdict = ({'approve', 'review', 'challenge', 'decline'})[math.max(by_score, at_least) + 1]
local answer = {verdict, math.min(score, 1000), reasons}
if ARGV[6] then
  for i, entity in ipairs(entities) do
    for _, what in ipairs({'count', 'sum'}) do
      for _, name in ipairs(names) do
        answer[#answer + 1] = f[entity .. '_' .. what .. '_' .. name]
      end
    end
  end
end
return answer
