-- Many steps on one server, one after the other, in one call. Each touches its own key (I8) and answers as it
-- does alone; an error is a pair, which no step answers with.
-- KEYS; ARGV for each run of steps that are alike: their name, how many they are, how many arguments all of
-- them share, how many each has of its own; the shared ones (none, one or three); then the others, step by step.

-- The keys are read in one go; what is no string reads as absent there, so an absent one is looked at again.
local KEYS, ARGV = KEYS, ARGV
for i, v in ipairs(call('MGET', unpack(KEYS))) do seen[KEYS[i]] = v end
local replies, place, at = {}, 1, 1
while place <= #KEYS do
  local step, shared, own = STEPS[ARGV[at]], tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local last = place + ARGV[at + 1] - 1
  local a, b, c = ARGV[at + 4], ARGV[at + 5], ARGV[at + 6]
  at = at + 4 + shared
  for i = place, last do
    local reply
    -- A step takes no more arguments than are its own.
    if shared == 3 then reply = step(KEYS[i], a, b, c, ARGV[at])
    elseif shared == 1 then reply = step(KEYS[i], a, ARGV[at], ARGV[at + 1])
    else reply = step(KEYS[i], ARGV[at]) end
    if type(reply) == 'table' then reply = { 'error', reply.err } end
    replies[i] = reply
    at = at + own
  end
  place = last + 1
end
return replies
