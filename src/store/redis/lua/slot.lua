-- Shared by all scripts: reading and writing a slot. The layout is described in src/coherence/wire.rs.
-- A step is a function of its key and its arguments, which are strings: redis.call is slow with numbers.
local EMPTIED, UNCHANGED, SHARED, LOST = 8, 11, 9, 10
local call, pcall, sub, byte, find = redis.call, redis.pcall, string.sub, string.byte, string.find

-- What a batch has read of its keys beforehand. Each is used once: a step may change what it has read.
local seen = {}

-- What is under the key: its bytes, nothing at all, or a table for another Redis type.
local function peek(key)
  local v = seen[key]
  if not v then return pcall('GET', key) end
  seen[key] = nil
  return v
end

-- 'E' nothing, 'V' an entry or foreign bytes, 'X' another Redis type, 'L' a lease, 'W' an intent; and the bytes.
local function classed(v)
  if type(v) == 'table' then return 'X', '' end
  -- An empty string is no entry, and no lease could name it as the one it cannot use.
  if not v or v == '' then return 'E', '' end
  local kind = byte(v)
  if kind == 76 and #v == 17 then return 'L', v end
  if kind == 87 and #v >= 2 and (#v - 2) % 29 == 0 and find(v, '^W[01]') then
    for i = 3, #v, 29 do
      if not find(v, '^%d%d%d%d%d%d%d%d%d%d%d%d%d', i + 16) then return 'V', v end
    end
    return 'W', v
  end
  return 'V', v
end

local function read(key) return classed(peek(key)) end

-- Puts bytes for px milliseconds ('0': for good, 'KEEP': as long as before). When the server refuses
-- (out of memory) the key goes: what it held must not outlive a step that should have replaced it.
local function put(key, bytes, px)
  local done
  if px == 'KEEP' then done = pcall('SET', key, bytes, 'KEEPTTL')
  elseif px == '0' then done = pcall('SET', key, bytes)
  else done = pcall('SET', key, bytes, 'PX', px) end
  if done.err then
    call('DEL', key)
    return done
  end
  return nil
end

-- One moment for all steps of a call.
local moment
local function now_ms()
  if not moment then
    local t = call('TIME')
    moment = t[1] * 1000 + math.floor(t[2] / 1000)
  end
  return moment
end

-- The end of a TTL that begins now, as 13 digits. Most steps of a call have the same one.
local kept_ms, kept_until
local function deadline(ttl_ms)
  if kept_ms ~= ttl_ms then
    kept_ms, kept_until = ttl_ms, string.format('%013d', now_ms() + ttl_ms)
  end
  return kept_until
end

-- Walks the writers of an intent: whether `token` is one of them, the bytes of the other ones that
-- are alive, the longest time one of those has left, and whether there were others at all.
local function writers(v, token, now)
  local mine, rest, longest, others = false, '', 0, false
  for i = 3, #v, 29 do
    if sub(v, i, i + 15) == token then
      mine = true
    else
      others = true
      local left = tonumber(sub(v, i + 16, i + 28)) - now
      if left > 0 then
        rest = rest .. sub(v, i, i + 28)
        if left > longest then longest = left end
      end
    end
  end
  return mine, rest, longest, others
end

-- What a committed change does to a key on which it has no token (I4).
local function drop(key, kind, v, when_intent, when_entry)
  if kind == 'E' then return UNCHANGED end
  if kind == 'W' then return put(key, 'W1' .. sub(v, 3), 'KEEP') or when_intent end
  call('DEL', key)
  return when_entry
end
