-- KEYS: index of the value, token, audit. ARGV: sealed value, who. The client has drawn the token,
-- made the HMAC that names the index and sealed the value.
local old = redis.call('GET', KEYS[1])
if not old then
    if not redis.call('SET', KEYS[2], ARGV[1], 'NX') then
        return false -- the token is taken: the client draws another
    end
    redis.call('SET', KEYS[1], KEYS[2])
    old = KEYS[2]
end
redis.call('XADD', KEYS[3], '*', 'verb', 't', 'who', ARGV[2], 'token', old)
return old
