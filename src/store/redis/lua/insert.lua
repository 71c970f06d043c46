-- INSERT  KEYS[1]; ARGV entry, px: a committed row whose key the database has just made.
-- Answers 7 (published) when nothing stood there, else as INVALIDATE.
local kind, v = read(KEYS[1])
if kind == 'E' then return put(KEYS[1], ARGV[1], ARGV[2]) or 7 end
return drop(KEYS[1], kind, v, SHARED, EMPTIED)
