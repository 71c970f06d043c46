-- BATCH  KEYS; ARGV for each key: the step's name, the number of its arguments, the arguments
-- Many steps on one server, one after the other, in one call. Each touches its own key (I8) and answers as it
-- does alone; an error is a pair, which no step answers with.
local replies, at = {}, 1
for i = 1, #KEYS do
  local arguments, count = {}, tonumber(ARGV[at + 1])
  for j = 1, count do arguments[j] = ARGV[at + 1 + j] end
  local reply = STEPS[ARGV[at]]({ KEYS[i] }, arguments)
  if type(reply) == 'table' then reply = { 'error', reply.err } end
  replies[i] = reply
  at = at + 2 + count
end
return replies
