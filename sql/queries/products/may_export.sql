-- Asked beside an export, whose own transaction sees the rights, as everything else, as they were when it began.
select registry.require('products:read') = $1 and registry.require_feature('exports') = $1 as may
