-- KEYS: whom each policy counts. ARGV: for each, the interval and the window in microseconds, and after them how many were
-- spent already, or 0. Where none were, counts one request in all of them, or in none if one has no room (limits/gcra.rs);
-- otherwise as many as were spent, whatever room there is, and nobody owes more than a window. Answers whether it did, when
-- that was, and when all that was asked for so far would have been due, for each.
local time = redis.call('time')
local now = time[1] * 1000000 + time[2]
local spent = tonumber(ARGV[2 * #KEYS + 1])
local due, admitted = {}, 1
for n, key in ipairs(KEYS) do
  local interval, window = tonumber(ARGV[2 * n - 1]), tonumber(ARGV[2 * n])
  due[n] = tonumber(redis.call('get', key) or now) or now
  -- Neither a number nor further ahead than anybody can get: not ours.
  if not (due[n] >= now and due[n] <= now + window) then
    due[n] = now
  end
  if spent == 0 and due[n] + interval - now > window then
    admitted = 0
  end
end
for n, key in ipairs(KEYS) do
  if admitted == 1 then
    local interval, window = tonumber(ARGV[2 * n - 1]), tonumber(ARGV[2 * n])
    due[n] = math.min(due[n] + interval * math.max(spent, 1), now + window)
    redis.call('set', key, string.format('%.0f', due[n]), 'px', math.ceil((due[n] - now) / 1000))
  end
  due[n] = string.format('%.0f', due[n])
end
return { admitted, string.format('%.0f', now), unpack(due) }
