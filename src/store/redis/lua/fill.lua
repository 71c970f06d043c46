-- FILL  KEYS[1]; ARGV token, entry, px
-- Answers 3 (filled) or 4 (the lease is gone: nothing changes) (I1).
local kind, v = read(KEYS[1])
if kind ~= 'L' or v ~= 'L' .. ARGV[1] then return 4 end
return put(KEYS[1], ARGV[2], ARGV[3]) or 3
