-- KEYS: the turn. ARGV: this turn's token.
if redis.call('get', KEYS[1]) ~= ARGV[1] then
  return 0
end
return redis.call('del', KEYS[1])
