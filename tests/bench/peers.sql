-- peers.sql - the token table that a careful engineer would build on PostgreSQL 15 and pgcrypto.
--
-- One function a verb, run with the rights of the owner; the application's role may call them and
-- nothing else. The two keys reach a session as settings when the application connects: they are in
-- no table, so a stolen disk or dump has neither. What it leaves out beside ours stands in
-- README.md; where there was a choice, the faster one was taken.
\set ON_ERROR_STOP on

create extension pgcrypto;
create role app login;
create schema vault;
revoke all on schema vault from public;

create table vault.domain (
    id smallint primary key,
    name text not null unique
);
insert into vault.domain values (1, 'cards');

create table vault.mapping (
    token text not null,
    lookup bytea not null, -- HMAC-SHA-256 of domain and value: finds the token of a value
    sealed bytea not null, -- IV and AES-256-CBC of the value
    created timestamptz not null default clock_timestamp(),
    domain smallint not null, -- no foreign key: its check locks one row of all sessions
    key_version smallint not null default 1,
    state "char" not null default 'a', -- active, suspended, revoked
    primary key (domain, token)
);
create unique index mapping_lookup on vault.mapping (domain, lookup) where state <> 'r';

create table vault.audit (
    id bigint generated always as identity primary key,
    at timestamptz not null default clock_timestamp(),
    verb "char" not null, -- tokenize, detokenize
    domain smallint not null,
    who text not null,
    token text not null,
    purpose text
);
create function vault.refuse() returns trigger language plpgsql as $$
begin
    raise exception 'the audit table only grows';
end $$;
create trigger audit_rows before update or delete on vault.audit
    for each row execute function vault.refuse();
create trigger audit_all before truncate on vault.audit execute function vault.refuse();

-- Sum of the Luhn algorithm over up to 19 digits, modulo 10. Leading zeros add nothing, and ten
-- digits as characters are 480 too much, which is nothing modulo 10 either.
create function vault.luhn(p_digits text) returns int
language plpgsql immutable strict parallel safe as $$
declare
    d bytea := convert_to(lpad(p_digits, 19, '0'), 'UTF8');
    twice bytea := '\x00020406080103050709';
begin
    return (get_byte(d, 0) + get_byte(d, 2) + get_byte(d, 4) + get_byte(d, 6) + get_byte(d, 8)
        + get_byte(d, 10) + get_byte(d, 12) + get_byte(d, 14) + get_byte(d, 16) + get_byte(d, 18)
        + get_byte(twice, get_byte(d, 1) - 48) + get_byte(twice, get_byte(d, 3) - 48)
        + get_byte(twice, get_byte(d, 5) - 48) + get_byte(twice, get_byte(d, 7) - 48)
        + get_byte(twice, get_byte(d, 9) - 48) + get_byte(twice, get_byte(d, 11) - 48)
        + get_byte(twice, get_byte(d, 13) - 48) + get_byte(twice, get_byte(d, 15) - 48)
        + get_byte(twice, get_byte(d, 17) - 48)) % 10;
end $$;

-- A token that keeps the first six and the last four digits and never passes the Luhn check. The
-- last drawn digit, fifth from the right, counts once in the sum, so one of its ten values would
-- make the number valid: one of the other nine is taken.
create function vault.draw(p_value text, p_random bytea) returns text
language plpgsql immutable strict parallel safe as $$
declare
    r bigint := ('x' || encode(p_random, 'hex'))::bit(56)::bigint;
    len int := length(p_value);
    room bigint := 10 ^ (len - 11);
    head text := left(p_value, 6) || lpad((r % room)::text, len - 11, '0');
    tail text := right(p_value, 4);
    off int := 10 - vault.luhn(head || '0' || tail);
begin
    return head || ((off + 1 + (r / room) % 9) % 10)::text || tail;
end $$;

create function vault.tokenize(p_domain smallint, p_value text, p_who text) returns text
language plpgsql volatile strict security definer
set search_path = pg_catalog, public, pg_temp as $$
declare
    v_lookup bytea;
    v_token text;
    v_random bytea;
    v_sealed bytea;
    v_state "char";
begin
    if p_value !~ '^[0-9]{13,19}$' then
        raise exception 'not a card number' using errcode = 'invalid_parameter_value';
    end if;
    v_lookup := hmac(convert_to(p_domain || ':' || p_value, 'UTF8'),
                     decode(current_setting('vault.index_key'), 'hex'), 'sha256');
    loop
        select token, state into v_token, v_state from vault.mapping
            where domain = p_domain and lookup = v_lookup and state <> 'r';
        if v_state = 's' then
            raise exception 'the token is suspended' using errcode = 'object_in_use';
        end if;
        exit when found;
        v_random := gen_random_bytes(23); -- IV and drawn digits
        v_sealed := substr(v_random, 1, 16) ||
            encrypt_iv(convert_to(p_value, 'UTF8'),
                       decode(current_setting('vault.data_key'), 'hex'),
                       substr(v_random, 1, 16), 'aes');
        insert into vault.mapping (domain, token, lookup, sealed)
            values (p_domain, vault.draw(p_value, substr(v_random, 17)), v_lookup, v_sealed)
            on conflict do nothing -- the token is taken, or the value came twice: look again
            returning token into v_token;
        exit when found;
    end loop;
    insert into vault.audit (verb, domain, who, token) values ('t', p_domain, p_who, v_token);
    return v_token;
end $$;

create function vault.detokenize(p_domain smallint, p_token text, p_who text, p_purpose text)
returns text
language plpgsql volatile strict security definer
set search_path = pg_catalog, public, pg_temp as $$
declare
    v_sealed bytea;
begin
    select sealed into v_sealed from vault.mapping
        where domain = p_domain and token = p_token and state = 'a';
    if not found then
        raise exception 'no such token' using errcode = 'no_data_found';
    end if;
    insert into vault.audit (verb, domain, who, token, purpose)
        values ('d', p_domain, p_who, p_token, p_purpose);
    return convert_from(decrypt_iv(substr(v_sealed, 17),
                                   decode(current_setting('vault.data_key'), 'hex'),
                                   substr(v_sealed, 1, 16), 'aes'), 'UTF8');
end $$;

-- Many values in one statement each for rows and audit, sorted so that two batches that share
-- values wait for each other in one order. What clashes goes the way of a single value.
create function vault.tokenize_batch(p_domain smallint, p_values text[], p_who text)
returns text[]
language plpgsql volatile strict security definer
set search_path = pg_catalog, public, pg_temp as $$
declare
    v_tokens text[];
begin
    if exists (select from unnest(p_values) v where v !~ '^[0-9]{13,19}$') then
        raise exception 'not a card number' using errcode = 'invalid_parameter_value';
    end if;
    with input as materialized (
        select i, value, gen_random_bytes(23) as random,
               hmac(convert_to(p_domain || ':' || value, 'UTF8'),
                    decode(current_setting('vault.index_key'), 'hex'), 'sha256') as lookup
        from unnest(p_values) with ordinality as u (value, i)
    ), made as (
        insert into vault.mapping (domain, token, lookup, sealed)
        select p_domain, vault.draw(value, substr(random, 17)), lookup,
               substr(random, 1, 16) ||
                   encrypt_iv(convert_to(value, 'UTF8'),
                              decode(current_setting('vault.data_key'), 'hex'),
                              substr(random, 1, 16), 'aes')
        from input order by lookup
        on conflict do nothing
        returning token, lookup
    ), noted as (
        insert into vault.audit (verb, domain, who, token)
        select 't', p_domain, p_who, token from made
    )
    select array_agg(coalesce(made.token, '') order by input.i) into v_tokens
        from input left join made using (lookup);
    for n in 1 .. cardinality(p_values) loop
        continue when v_tokens[n] <> '';
        v_tokens[n] := vault.tokenize(p_domain, p_values[n], p_who);
    end loop;
    return v_tokens;
end $$;

-- The generator's part of a batch: it keeps a thousand numbers and adds one of its own to each, so
-- that no value comes twice.
create function public.shifted(p_numbers bigint[], p_by bigint) returns text[]
language sql immutable strict parallel safe as $$
    select array_agg((4000000000000000 + (n + p_by) % 1000000000000000)::text)
    from unnest(p_numbers) n
$$;

revoke all on all functions in schema vault from public;
grant usage on schema vault to app;
grant execute on function vault.tokenize, vault.tokenize_batch, vault.detokenize to app;
