-- KEYS: whom a policy counts. ARGV: the interval and the window in microseconds, and how many requests are to be counted
-- afterwards, whatever room there is, and nobody owes more than a window; or, below zero, how many go back that were taken in
-- advance. These count where less than half is left alone: elsewhere nobody misses them, and while that is so nothing is held
-- that was taken before, so that no stretch of time is given twice (limits/lease.rs).
local time = redis.call('time')
local now = time[1] * 1000000 + time[2]
local interval, window, more = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local due = tonumber(redis.call('get', KEYS[1]) or now) or now
if not (due >= now and due <= now + window) then
  due = now
end
if more < 0 and due - now <= window / 2 then
  return 0
end
due = math.min(due + interval * more, now + window)
redis.call('set', KEYS[1], string.format('%.0f', due), 'px', math.ceil((due - now) / 1000))
return 1
