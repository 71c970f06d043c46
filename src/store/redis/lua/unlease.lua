-- UNLEASE  KEYS[1]; ARGV token
local kind, v = read(KEYS[1])
if kind ~= 'L' or v ~= 'L' .. ARGV[1] then return UNCHANGED end
redis.call('DEL', KEYS[1])
return EMPTIED
