-- Answers 3 (filled) or 4 (the lease is gone: nothing changes) (I1).
local function fill(key, px, token, entry)
  local kind, v = read(key)
  if kind ~= 'L' or v ~= 'L' .. token then return 4 end
  return put(key, entry, px) or 3
end
