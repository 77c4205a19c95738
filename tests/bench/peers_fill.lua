-- ARGV: first and last number, sealed value, what pads an index to its length. Mappings and their
-- entries, as the tokenize script would have left them.
for n = tonumber(ARGV[1]), tonumber(ARGV[2]) do
    local token = string.format('t:4000%012d', n)
    redis.call('SET', token, ARGV[3])
    redis.call('SET', string.format('i:%s%012d', ARGV[4], n), token)
    redis.call('XADD', 'audit', '*', 'verb', 't', 'who', 'acme', 'token', token)
end
return redis.call('DBSIZE')
