-- `mode` is 'P' publish, 'D' delete, 'R' rolled back.
-- Answers 7 (published), 8 (emptied), 9 (others remain), 10 (own token lost), 11 (nothing to do).
local function finish(key, token, mode, px, entry)
  local v = peek(key)
  local kind, mine, rest = 'W', true, ''
  -- Nearly always the key holds this writer's intent and no other, and its bytes tell that without a walk.
  if type(v) ~= 'string' or #v ~= 31 or byte(v) ~= 87 or sub(v, 3, 18) ~= token then
    kind, v = classed(v)
    mine = false
    if kind == 'W' then mine, rest = writers(v, token, now_ms()) end
  end
  if not mine then
    if mode == 'R' then return UNCHANGED end                  -- I7
    if kind == 'E' then return LOST end
    return drop(key, kind, v, LOST, LOST)                     -- I4
  end
  if rest ~= '' then return put(key, 'W1' .. rest, 'KEEP') or SHARED end
  if mode == 'P' and byte(v, 2) == 48 then                    -- I1, I3
    if not put(key, entry, px) then return 7 end
    return EMPTIED
  end
  call('DEL', key)
  return EMPTIED
end
