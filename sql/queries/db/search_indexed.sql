-- Whether a search behind the wall may use its index: sql/bootstrap.sql was run by a superuser, who alone can vouch for
-- the operator, and the index was made after that.
select coalesce((select p.proleakproof from pg_catalog.pg_proc p
                 where p.oid = to_regprocedure('search.matches(tsvector, tsquery)')), false)
       and exists (select from pg_catalog.pg_index i
                   where i.indexrelid = to_regclass('tenant.products_search_idx') and i.indisvalid) as indexed
