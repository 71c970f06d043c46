-- Invalidates keys by their first bytes: values stay where they are, however large they are.
-- KEYS; ARGV: the entity whose entries go, as in their headers, with all markers, which do not say whose they are;
-- or '' for all keys. Answers how many were touched.
local entity, touched = ARGV[1], 0

-- The bytes of a marker, which are few; else the first ones of what is no marker.
local function head(key)
  local v = pcall('GETRANGE', key, 0, 30)
  if type(v) == 'table' then return 'X', '' end
  local kind = byte(v)
  if kind ~= 76 and kind ~= 87 then return 'V', v end
  local length = call('STRLEN', key)
  -- More writers than this are at work on no key.
  if length > 30000 then return 'V', v end
  return classed(call('GETRANGE', key, 0, -1))
end

for _, key in ipairs(KEYS) do
  local kind, v = head(key)
  local ours = entity == '' or kind == 'L' or kind == 'W'
  if not ours and kind == 'V' then
    local first = byte(v)
    ours = (first == 86 or first == 84) and sub(v, 3, 6) == entity
  end
  if ours then
    local reply
    if kind == 'W' then reply = drop(key, kind, v, SHARED, EMPTIED) else call('DEL', key) end
    if type(reply) == 'table' then return reply end
    touched = touched + 1
  end
end
return touched
