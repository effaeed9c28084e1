select registry.leave_tenant() where $1::uuid is not null
