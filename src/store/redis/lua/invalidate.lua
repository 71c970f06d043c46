-- INVALIDATE  KEYS[1]: somebody without an intent has changed the row, and committed.
-- Answers 8 (emptied), 9 (writers are at work: they will not publish), 11 (nothing there).
local kind, v = read(KEYS[1])
return drop(KEYS[1], kind, v, SHARED, EMPTIED)
