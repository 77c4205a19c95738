-- peers_fill.sql - mappings :first to :last, each with its entry, through both indexes as real
-- ones would come. Token n is 4 and n times a constant modulo 10^15, so that the generator can
-- name a stored token without keeping a list.
\set ON_ERROR_STOP on
insert into vault.mapping (domain, token, lookup, sealed)
select 1, token,
       hmac(convert_to('1:' || value, 'UTF8'),
            decode(current_setting('vault.index_key'), 'hex'), 'sha256'),
       iv || encrypt_iv(convert_to(value, 'UTF8'),
                        decode(current_setting('vault.data_key'), 'hex'), iv, 'aes')
from (select (4000000000000000 + n::bigint * 618033988749 % 1000000000000000)::text as token, n,
             gen_random_bytes(16) as iv
      from generate_series(:first, :last) n) named,
     lateral (select overlay(token placing lpad((n * 7919::bigint % 1000000)::text, 6, '0')
                             from 7 for 6) as value) original
on conflict do nothing;
insert into vault.audit (verb, domain, who, token)
select 't', 1, 'acme', (4000000000000000 + n::bigint * 618033988749 % 1000000000000000)::text
from generate_series(:first, :last) n;
