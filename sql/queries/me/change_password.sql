select registry.change_password($1, $2, $3)
