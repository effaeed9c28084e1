-- KEYS: where the answer belongs, the turn. ARGV: this turn's token, the answer, how long it counts in milliseconds.
if redis.call('get', KEYS[2]) ~= ARGV[1] then
  return 0
end
redis.call('set', KEYS[1], ARGV[2], 'px', ARGV[3])
return redis.call('del', KEYS[2])
