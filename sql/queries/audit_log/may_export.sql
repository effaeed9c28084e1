-- Asked beside an export, whose own transaction sees the rights, as everything else, as they were when it began.
select registry.require('audit-log:read') = $1 as may
