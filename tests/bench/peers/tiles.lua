-- Updates the entities' tiles for the services that read them with HGETALL: a hash for each entity, with fields
-- LEVEL:TILE:c (count) and LEVEL:TILE:s (sum). HINCRBY is safe for concurrent requests.
--
-- KEYS: the entities. ARGV: event time in microseconds, amount in minor units.
local seconds, amount = math.floor(ARGV[1] / 1000000), ARGV[2]
local tiles = {}
for level, width in ipairs({60, 300, 3600, 86400}) do
  tiles[level] = level .. ':' .. math.floor(seconds / width)
end
for _, key in ipairs(KEYS) do
  for level = 1, 4 do
    redis.call('HINCRBY', key, tiles[level] .. ':c', 1)
    redis.call('HINCRBY', key, tiles[level] .. ':s', amount)
  end
  redis.call('EXPIRE', key, 2678400)
end
