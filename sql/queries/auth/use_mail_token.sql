select outcome, former_email, email, full_name from registry.use_mail_token($1, $2, $3)
