-- Not a door: what is counted of a try that may be a guess, by its kind, from the narrowest to the widest: the counter's name,
-- how many tries are free in a quarter of an hour, and the longest that it keeps anybody waiting. Where that is null, tries are
-- put off and not refused. The one place that says so: a caller names a kind and has no waits to choose.
-- A minute is short enough that nobody is locked out by somebody else. Whoever waits for a letter has been sent three, of which
-- each is good. Guesses at an account from one network, or by one session, keep nobody waiting who comes from another.
create or replace function registry.ladder(kind text)
    returns table (place integer, counter text, free_tries integer, longest interval)
    language sql immutable parallel safe set search_path = ''
as $$
    select l.place, l.counter, l.free_tries, l.longest::interval
    from (values
        -- A password: for an account from one place, from everywhere, and from one network for whatever account.
        ('login',         1, 'pair',     5, '1 minute'),
        ('login',         2, 'account', 20, null),
        ('login',         3, 'network', 50, '15 minutes'),
        -- The same, from a device that has signed in to the account before.
        ('login device',  1, 'device',   5, '1 minute'),
        -- Making an account.
        ('sign-up',       1, 'account',  3, '1 minute'),
        ('sign-up',       2, 'network', 20, '15 minutes'),
        -- Asking for a letter: a link to reset a password or to confirm an address.
        ('letter',        1, 'account',  3, '5 minutes'),
        ('letter',        2, 'network', 20, '15 minutes'),
        -- Using a link or an invitation.
        ('link',          1, 'account', 10, '1 minute'),
        ('link',          2, 'network', 30, '15 minutes'),
        -- Inviting: an address by a tenant.
        ('invitation',    1, 'account',  5, '1 minute'),
        ('invitation',    2, 'tenant', 100, '15 minutes'),
        -- What somebody who is signed in does to their own account.
        ('password',      1, 'account', 10, '1 minute'),
        ('password',      2, 'network', 50, '15 minutes'),
        ('email',         1, 'account', 10, '1 minute'),
        ('email',         2, 'network', 50, '15 minutes'),
        ('second factor', 1, 'account', 30, '1 minute'),
        ('second factor', 2, 'network', 100, '15 minutes')) as l (kind, place, counter, free_tries, longest)
    where l.kind = ladder.kind
    order by l.place
$$;
alter function registry.ladder(text) owner to rowhouse_owner;
revoke all on function registry.ladder(text) from public;
grant execute on function registry.ladder(text) to rowhouse_identity;
