-- A committed row whose key the database has just made.
-- Answers 7 (published) when nothing stood there, else as INVALIDATE.
local function insert(key, px, entry)
  local kind, v = read(key)
  if kind == 'E' then return put(key, entry, px) or 7 end
  return drop(key, kind, v, SHARED, EMPTIED)
end
