-- KEYS: token, audit. ARGV: who, purpose. The client opens what it gets.
local sealed = redis.call('GET', KEYS[1])
if not sealed then
    return redis.error_reply('UNKNOWN no such token')
end
redis.call('XADD', KEYS[2], '*', 'verb', 'd', 'who', ARGV[1], 'purpose', ARGV[2], 'token', KEYS[1])
return sealed
