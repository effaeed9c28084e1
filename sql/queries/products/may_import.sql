-- Asked before a file is received: a refusal, which raises, should not come after the last byte.
select registry.require('products:write') = $1 and registry.require('products:read') = $1
   and registry.require('operations:write') = $1 and registry.require('operations:read') = $1 as may
