-- KEYS: where the answer belongs, the turn. ARGV: this turn's token, the answer, how long it counts in milliseconds.
-- An answer that took longer than its turn is kept where nobody else has begun and nothing is kept.
local turn = redis.call('get', KEYS[2])
if turn == ARGV[1] then
  redis.call('set', KEYS[1], ARGV[2], 'px', ARGV[3])
  return redis.call('del', KEYS[2])
elseif not turn then
  redis.call('set', KEYS[1], ARGV[2], 'px', ARGV[3], 'nx')
end
return 0
