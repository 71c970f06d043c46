-- Answers 1 (granted), 2 (another reader is at work), 12 (a writer is), or the bytes of the entry that
-- stands there (I6). `unusable` is '' for none.
local function lease(key, ttl_ms, token, unusable)
  local kind, v = read(key)
  if kind == 'L' then return 2 end
  if kind == 'W' then
    local _, rest = writers(v, '', now_ms())
    if rest ~= '' then return 12 end
  end
  if kind == 'V' and (unusable == '' or unusable ~= v) then return v end
  return put(key, 'L' .. token, ttl_ms) or 1
end
