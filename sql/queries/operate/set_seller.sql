-- As the migrator. What is null stays as it is; invoices that were issued keep what they say.
update registry.sellers s
set name = coalesce($1, s.name), address = coalesce($2, s.address), tax_number = coalesce($3, s.tax_number),
    tax_rate_bp = coalesce($4, s.tax_rate_bp), days_to_pay = coalesce($5, s.days_to_pay)
where s.is_default
returning code, name, address, tax_number, tax_rate_bp, days_to_pay
