-- KEYS; ARGV for each key: the step's name, the number of its arguments, the arguments.
-- Many steps on one server, one after the other, in one call. Each touches its own key (I8) and answers as it
-- does alone; an error is a pair, which no step answers with.
-- The keys are read in one go; what is no string reads as absent there, so an absent one is looked at again.
for i, v in ipairs(call('MGET', unpack(KEYS))) do seen[KEYS[i]] = v end
local replies, at = {}, 1
for i = 1, #KEYS do
  local reply = STEPS[ARGV[at]](KEYS[i], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4], ARGV[at + 5])
  if type(reply) == 'table' then reply = { 'error', reply.err } end
  replies[i] = reply
  at = at + 2 + ARGV[at + 1]
end
return replies
