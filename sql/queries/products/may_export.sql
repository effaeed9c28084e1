-- Asked beside an export, whose own transaction sees the rights, as everything else, as they were when it began.
select registry.require_feature('exports', 'products:read') = $1 as may
