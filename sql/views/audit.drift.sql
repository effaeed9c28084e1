-- Where the database differs from what sql/ produced when it was last applied. Empty is right.
create view audit.drift with (security_invoker) as
select coalesce(a.kind, c.kind) as kind,
       coalesce(a.object, c.object) as object,
       case when c.object is null then 'missing' when a.object is null then 'added' else 'changed' end as difference,
       a.definition as from_files,
       c.definition as in_database
from audit.applied a
full join audit.catalog c on c.kind = a.kind and c.object = a.object
where a.definition is distinct from c.definition
  -- What `rowhouse migrate` is building just now is neither there nor missing.
  and not (coalesce(a.kind, c.kind) = 'index'
           and exists (select from audit.made m
                       where m.sha256 = 'building' and coalesce(a.object, c.object) like '%.' || m.object));

alter view audit.drift owner to rowhouse_owner;
grant select on audit.drift to rowhouse_api, rowhouse_gate, rowhouse_worker, rowhouse_platform, rowhouse_auditor;
