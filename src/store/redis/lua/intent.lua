-- Answers 5 (held, clean) or 6 (held, dirty). Replaces what is there (I2); overlap and a lost
-- earlier token make it dirty (I3); dead writers are left out (I5). `reissued` is '1' when this writer held a
-- token before.
local function intent(key, token, ttl_ms, reissued)
  local kind, v = read(key)
  local mark, rest, px = reissued == '1' and '1' or '0', '', ttl_ms
  if kind == 'W' then
    local mine, longest, others
    mine, rest, longest, others = writers(v, token, now_ms())
    local dirty = byte(v, 2) == 49 or others or (reissued == '1' and not mine)
    mark = dirty and '1' or '0'
    if longest > tonumber(ttl_ms) then px = string.format('%d', longest) end
  end
  return put(key, 'W' .. mark .. rest .. token .. deadline(ttl_ms), px) or (mark == '1' and 6 or 5)
end
