-- What a key holds and until when; nothing changes. Answers with 0 (nothing), 1 (bytes) or 2 (another Redis type); the
-- bytes; the milliseconds until they expire, -1 for never, -3 where the user may not ask; and the server's clock.
local v = pcall('GET', KEYS[1])
local kind = v and 1 or 0
if type(v) == 'table' then
  if not find(v.err, '^WRONGTYPE') then return v end
  kind, v = 2, ''
end
local left = pcall('PTTL', KEYS[1])
if type(left) == 'table' then left = -3 end
return { kind, v or '', left, now_ms() }
