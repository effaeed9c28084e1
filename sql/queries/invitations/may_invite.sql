select registry.require('invitations:write') where $1::uuid is not null
