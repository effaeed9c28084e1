-- Seals that were shown, until they are none any more by their time (registry.sealed): each is good once. Not logged, so that
-- a door that only reads costs no flush for it; after a crash what was spent in the last minute could be shown again
-- (docs/adr/0019).
create unlogged table registry.spent_seals (
    number     uuid        not null constraint spent_seals_pkey primary key,
    good_until timestamptz not null
);
create index spent_seals_good_until_idx on registry.spent_seals (good_until);
