-- FINISH  KEYS[1]; ARGV token, mode ('P' publish, 'D' delete, 'R' rolled back), entry, px
-- Answers 7 (published), 8 (emptied), 9 (others remain), 10 (own token lost), 11 (nothing to do).
local kind, v = read(KEYS[1])
local mode = ARGV[2]
local mine, rest = false, ''
if kind == 'W' then mine, rest = writers(v, ARGV[1], now_ms()) end
if not mine then
  if mode == 'R' then return UNCHANGED end                    -- I7
  if kind == 'E' then return LOST end
  return drop(KEYS[1], kind, v, LOST, LOST)                   -- I4
end
if rest ~= '' then return put(KEYS[1], 'W1' .. rest, 'KEEP') or SHARED end
if mode == 'P' and string.sub(v, 2, 2) == '0' then            -- I1, I3
  if not put(KEYS[1], ARGV[3], ARGV[4]) then return 7 end
  return EMPTIED
end
redis.call('DEL', KEYS[1])
return EMPTIED
