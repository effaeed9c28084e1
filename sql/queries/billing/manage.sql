-- What somebody wants of the subscription, by a door; no row: it is at none of the versions.
-- $2 event text = 'resumed'
-- $3 wanted jsonb = '{}'
-- $4 versions bigint[] = null
select currency, lines from registry.manage_subscription($2, $3, $4) where $1::uuid is not null
