-- Somebody without an intent has changed the row, and committed.
-- Answers 8 (emptied), 9 (writers are at work: they will not publish), 11 (nothing there).
local function invalidate(key)
  local kind, v = read(key)
  return drop(key, kind, v, SHARED, EMPTIED)
end
