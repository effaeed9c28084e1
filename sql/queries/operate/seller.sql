select code, name, address, tax_number, tax_rate_bp, days_to_pay from registry.sellers where is_default
