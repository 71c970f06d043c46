-- INTENT  KEYS[1]; ARGV token, hold_ms, reissued ('1' when this writer held a token before)
-- Answers 5 (held, clean) or 6 (held, dirty). Replaces whatever is there (I2); overlap and a lost
-- earlier token make it dirty (I3); dead writers are left out (I5).
local now, hold = now_ms(), tonumber(ARGV[2])
local kind, v = read(KEYS[1])
local dirty, rest, px, mine = ARGV[3] == '1', '', hold, false
if kind == 'W' then
  local longest, others
  mine, rest, longest, others = writers(v, ARGV[1], now)
  dirty = string.sub(v, 2, 2) == '1' or others or (dirty and not mine)
  if longest > px then px = longest end
end
local mark = dirty and '1' or '0'
local refused = put(KEYS[1], 'W' .. mark .. rest .. ARGV[1] .. string.format('%013d', now + hold), px)
return refused or (dirty and 6 or 5)
