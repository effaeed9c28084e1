-- wrk's side of a measurement. Arguments: a file with one request a line (method, path, token), and the
-- number from which new projects are named, so that no name is used twice.
local requests = {}
local number

function init(args)
  for line in io.lines(args[1]) do
    local method, path, token = line:match("^(%S+) (%S+) (%S+)$")
    local headers = { Authorization = "Bearer " .. token }
    if method == "POST" then
      headers["Content-Type"] = "application/json"
      -- All but the last twelve digits of the name, which request() appends.
      local body = '{"name":"bench 000000000000"}'
      requests[#requests + 1] = { wrk.format(method, path, headers, body):sub(1, -15) }
    else
      requests[#requests + 1] = wrk.format(method, path, headers)
    end
  end
  number = tonumber(args[2])
  math.randomseed(number)
end

function request()
  local chosen = requests[math.random(#requests)]
  if type(chosen) == "string" then return chosen end
  number = number + 1
  return chosen[1] .. string.format('%012d"}', number)
end

-- The last line that wrk prints: what load.rs reads.
function done(summary, latency, requests)
  local errors = summary.errors
  local broken = errors.connect + errors.read + errors.write + errors.timeout
  print(string.format('{"requests":%d,"microseconds":%d,"refused":%d,"broken":%d}',
    summary.requests, summary.duration, errors.status, broken))
end
