-- KEYS: whom each policy counts. ARGV: for each, the interval and the window in microseconds. Counts one request in all
-- of them, or in none if one has no room (limits/gcra.rs). Answers whether it did, when that was, and when all that was
-- asked for so far would have been due, for each.
local time = redis.call('time')
local now = time[1] * 1000000 + time[2]
local due, admitted = {}, 1
for n, key in ipairs(KEYS) do
  local interval, window = tonumber(ARGV[2 * n - 1]), tonumber(ARGV[2 * n])
  due[n] = tonumber(redis.call('get', key) or now) or now
  -- Neither a number nor further ahead than anybody can get: not ours.
  if not (due[n] >= now and due[n] <= now + window) then
    due[n] = now
  end
  if due[n] + interval - now > window then
    admitted = 0
  end
end
for n, key in ipairs(KEYS) do
  if admitted == 1 then
    due[n] = due[n] + tonumber(ARGV[2 * n - 1])
    redis.call('set', key, string.format('%.0f', due[n]), 'px', math.ceil((due[n] - now) / 1000))
  end
  due[n] = string.format('%.0f', due[n])
end
return { admitted, string.format('%.0f', now), unpack(due) }
