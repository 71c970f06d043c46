-- LEASE  KEYS[1]; ARGV token, hold_ms, unusable bytes ('' for none)
-- Answers 1 (granted), 2 (busy), or the bytes of the entry that stands there (I6).
local kind, v = read(KEYS[1])
if kind == 'L' then return 2 end
if kind == 'W' then
  local _, rest = writers(v, '', now_ms())
  if rest ~= '' then return 2 end
end
if kind == 'V' and (ARGV[3] == '' or ARGV[3] ~= v) then return v end
return put(KEYS[1], 'L' .. ARGV[1], ARGV[2]) or 1
