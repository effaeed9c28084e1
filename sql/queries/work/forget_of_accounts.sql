select registry.forget_of_accounts($1, $2) as last
