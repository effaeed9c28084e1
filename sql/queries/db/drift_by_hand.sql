-- Drift of a kind that re-applying functions, policies and views does not put right.
select kind, object, difference
from audit.drift
where kind not in ('policy', 'function', 'schema grant', 'table grant', 'column grant', 'function grant', 'row security',
                   'comment')
  and not (kind = 'view' and object like 'audit.%')
  -- What is gone and has a file is made again, with its owner.
  and not (kind = 'trigger' and difference = 'missing')
  and not (kind = 'owner' and difference = 'missing' and (object like 'function %' or object like 'view audit.%'))
order by kind, object
