-- Shared by all scripts: reading and writing a slot. The layout is described in src/coherence/wire.rs.
local EMPTIED, UNCHANGED, SHARED, LOST = 8, 11, 9, 10

-- 'E' nothing, 'V' an entry or foreign bytes, 'X' another Redis type, 'L' a lease, 'W' an intent; and the bytes.
local function read(key)
  local v = redis.pcall('GET', key)
  if type(v) == 'table' then return 'X', '' end
  -- An empty string is nobody's entry, and no lease could name it as the one it cannot use.
  if not v or v == '' then return 'E', '' end
  local kind = string.sub(v, 1, 1)
  if kind == 'L' and #v == 17 then return 'L', v end
  if kind == 'W' and #v >= 2 and (#v - 2) % 29 == 0 and string.find(v, '^W[01]') then
    for i = 3, #v, 29 do
      if not string.find(string.sub(v, i + 16, i + 28), '^%d+$') then return 'V', v end
    end
    return 'W', v
  end
  return 'V', v
end

-- Puts bytes for px milliseconds ('0': for good, 'KEEP': as long as before). When the server refuses
-- (out of memory) the key goes: whatever it held must not outlive a step that should have replaced it.
local function put(key, bytes, px)
  local done
  if px == 'KEEP' then done = redis.pcall('SET', key, bytes, 'KEEPTTL')
  elseif px == '0' then done = redis.pcall('SET', key, bytes)
  else done = redis.pcall('SET', key, bytes, 'PX', px) end
  if type(done) == 'table' and done.err then
    redis.call('DEL', key)
    return done
  end
  return nil
end

local function now_ms()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

-- Walks the writers of an intent: whether `token` is one of them, the bytes of the other ones that
-- are alive, the longest time one of those has left, and whether there were others at all.
local function writers(v, token, now)
  local mine, rest, longest, others = false, '', 0, false
  for i = 3, #v, 29 do
    if string.sub(v, i, i + 15) == token then
      mine = true
    else
      others = true
      local left = tonumber(string.sub(v, i + 16, i + 28)) - now
      if left > 0 then
        rest = rest .. string.sub(v, i, i + 28)
        if left > longest then longest = left end
      end
    end
  end
  return mine, rest, longest, others
end

-- What a committed change does to a key on which it has no token (I4).
local function drop(key, kind, v, when_intent, when_entry)
  if kind == 'E' then return UNCHANGED end
  if kind == 'W' then return put(key, 'W1' .. string.sub(v, 3), 'KEEP') or when_intent end
  redis.call('DEL', key)
  return when_entry
end
