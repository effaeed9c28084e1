-- One row, because the wall on registry.users lets through one; none for a deactivated account.
select id, email, full_name, created_at from registry.users
