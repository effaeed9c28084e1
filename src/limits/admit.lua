-- KEYS: whom each policy counts. ARGV: for each, the interval and the window in microseconds, how many are asked for, how many
-- more are wanted in advance, and of how many parts of what is left then those may be one. Counts what is asked for in all of
-- them, or in none if one has no room (limits/gcra.rs), and then what is given in advance (limits/lease.rs). Answers whether
-- it did, when that was, and for each when all that was asked for and given so far would have been due, and how many were
-- given in advance.
local time = redis.call('time')
local now = time[1] * 1000000 + time[2]
local due, admitted = {}, 1
for n, key in ipairs(KEYS) do
  local interval, window, asked = tonumber(ARGV[5 * n - 4]), tonumber(ARGV[5 * n - 3]), tonumber(ARGV[5 * n - 2])
  due[n] = tonumber(redis.call('get', key) or now) or now
  -- Neither a number nor further ahead than anybody can get: not ours.
  if not (due[n] >= now and due[n] <= now + window) then
    due[n] = now
  end
  if asked > 0 and due[n] + interval * asked - now > window then
    admitted = 0
  end
end
local answer = { admitted, string.format('%.0f', now) }
for n, key in ipairs(KEYS) do
  local interval, window = tonumber(ARGV[5 * n - 4]), tonumber(ARGV[5 * n - 3])
  local given = 0
  if admitted == 1 then
    local asked, wanted, parts = tonumber(ARGV[5 * n - 2]), tonumber(ARGV[5 * n - 1]), tonumber(ARGV[5 * n])
    local left = math.floor((now + window - due[n]) / interval) - asked
    given = math.max(0, math.min(wanted, math.floor(left / parts)))
    if asked + given > 0 then
      due[n] = due[n] + interval * (asked + given)
      redis.call('set', key, string.format('%.0f', due[n]), 'px', math.ceil((due[n] - now) / 1000))
    end
  end
  answer[2 * n + 1] = string.format('%.0f', due[n])
  answer[2 * n + 2] = given
end
return answer
