local function unlease(key, token)
  local kind, v = read(key)
  if kind ~= 'L' or v ~= 'L' .. token then return UNCHANGED end
  call('DEL', key)
  return EMPTIED
end
